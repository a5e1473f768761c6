"""`placet demo`: one true story, told by a running service.

A refund desk's agent works in staging, in a workspace that blocks. The model is a record: chat
completions as a model returns them (`turns`). Everything else is real: the service and its
Postgres, HTTP, signatures, leases, and agents that are processes of their own (`worker`), which are
frozen, thawed and killed by signals (`crew`). What they change is a real database of orders.

That database is a SQLite file (`shop`), one for each run, beside Placet's own data and never inside
it: it belongs to the shop that is governed. So it stands next to whichever Postgres the service
uses, needs no right there, and any `sqlite3` can look at it afterwards. Every refund is one
transaction, and the shop refuses writers with an old fence, as a tool's host should. It has no rule
of its own against a second refund: that is left to the contract.

- `command` is the command line; `service_here` finds the service of the data folder or starts it.
- `people` found a tenant and speak as its people; `approval` takes a draft to a signature.
- `story` puts the chapters in order: `desk`, `accidents`, `settlement` and `evidence` tell them.
- `errand` is what a worker is told and what it says; `contract` is what is approved.
- `timeline` shows it, `figures` counts it from the service's export and the orders.

Invariants. Every run founds a tenant of its own, so runs never meet. No figure is written by hand:
each is counted from the verified export, from the orders or from the service's measures. A service
that ran before is used and left running. What the demo started is stopped when it is interrupted,
when it fails, and with `--once`. A worker that waits ends with its input, whatever became of the
demo.
"""
