"""After a restore or a failover: what authority is void, what may be lost, and when that is over.

All authority is given in an *epoch* (`storage.epoch`), and a fence is the pair of it and a number.
The epoch names the server that it was raised for: its cluster and its timeline. On any other one,
and where a tenant's log is older than a checkpoint that was kept outside, nothing is granted
(`recovering`, 503); reads, kills and receipts go on. `placet restore --verify` looks at what is
there, raises the epoch, and leaves each tenant with an open *lost range*.

- `witness`: the checkpoints that were kept outside. `watch`: whether this process may grant.
  `service`: raising and closing. What a raise does to sessions stands in `replay.restores`.

States of a lost range: open → told of in the tenant's stream → closed, by an operator with a
reason, who says that people have repeated the ends of authority that were lost. Until it is closed,
write tools ask and financial, destructive and administrative tools are denied
(`policy.recovering`).

Invariants
- Nothing is granted on a server that the epoch was not raised for: each statement that grants looks
  (`storage_epoch_v1`), in the same round trip.
- A session of an earlier epoch takes no lease, prepares and grants nothing before it has come into
  the present one, and with that its lease, its prepared requests and its grants are void.
- The epoch only rises, above that of the database and of every checkpoint that was kept outside.
- The epoch and every tenant's lost range are written in one transaction, with the server that it
  was before and what people have to repeat.
- Each raise is told of once, and no lost range is closed before.

Failures
- A witness that cannot be read or whose newest line nobody of ours signed: nothing is granted
  (`witness_unusable`, 503). It is the witness that is brought in order then, and no epoch raised.
- The newest line of one tenant's file is no checkpoint of it: to that tenant nothing is granted, by
  the same refusal.
- Events, log or checkpoints disagree: `restore --verify` says where, and changes nothing.
- It broke off after the epoch was raised: the sessions that are left stay closed, and the same
  command goes on with them.
"""
