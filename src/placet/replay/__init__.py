"""The replay runtime: how a governed agent runs.

A session is pinned to one artifact and has one writer at a time, the holder of its lease. A step
is a preflight (a single-use prepared request, bound to the control revision it was made at), a
proposal (each tool call decided, registered and, where allowed, granted, all in one transaction),
a start where the tool needs one, the execution outside, and a receipt. The server commits: phase
and facts move when a receipt brings the evidence that the tool needs.

How a hot endpoint works. The state of a session is remembered by version, or read; the pure core
decides; one database function checks everything again under the session's lock and writes, or
answers with a code and has written nothing. A function that finds other facts than those that were
decided on answers `redo` with them, and the core decides again, three times at most.

The order inside every function: who is asking, and with that the tenant; was it answered before;
the control gate, where something is granted or started; the session's row; check everything; only
then write, and what may still fail stands in one block that is undone as a whole.

Invariants
- Fences of a session only rise, as pairs `(epoch, n)`, and no write under a lower fence commits.
- A prepared request is consumed at most once, by one fence, with the request it was made for.
- After the answer to a kill nothing in its scope is granted or started.
- A receipt is never refused for being late: it is kept, marked, and settles nothing by itself.
- A call without a settling receipt at its time-out is unknown: never repeated blindly, and its
  effect key stays taken until evidence or an operator says what became of it.
- The state in the session's row equals the fold of the session's events, byte for byte. A session
  that was open when its database was upgraded to revision 0016 is the exception: its state was
  carried over, and its earlier events do not tell all that the fold reads now.

What each failure leads to: an answer that was lost
is given again to the same request, an overtaken holder is told `lease_lost`, and whatever a dead
worker left behind is settled, abandoned or swept to unknown by whoever comes next.
"""
