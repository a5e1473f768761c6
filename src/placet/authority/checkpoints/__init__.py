"""Signed checkpoints of the transparency log: how all of a tenant's history hashed at some time.

A checkpoint says how many entries the log had, what they hash to together, which life of the
database this was (restore epoch, system identifier, timeline), when by the database's clock, and
which checkpoint stood before it. It is signed with the key for checkpoints. Whoever keeps one can
tell later whether the log only grew since; so each is also put into a folder of the operator's
choice, told to webhooks and offered for download.

- `service`: makes one, and proves against one. `turns`: whose log has its turn, over all tenants.
- `witness`: appends checkpoints to the files of a folder.
- `rebuilding`: makes a log's tiles anew where its entries give every checkpoint and the head.

A checkpoint is made when 1,000 entries are new, or some are and the last one is 60 seconds old, and
when somebody exports. `CheckpointSigned`, which tells of it, enters the log but asks for no further
checkpoint, so an idle tenant's log comes to rest.

Invariants
- Each checkpoint names the one before it; two made at once do not both count: whoever comes second
  finds another newest one under the lock of the log's head and signs again.
- Nothing is signed in a transaction: the key may be a command that takes seconds.
- What is signed was read from the head of the log, which the tree was held against.

What every failure leads to: a signature that failed, or came too late, leaves nothing behind; the
next turn makes the checkpoint. A file that cannot be written is written later: what is in it
decides where to go on, and where the database lacks the last checkpoint of a file, nothing is added
to it. On a server that is not the one of the restore epoch, or not what was witnessed, nothing
enters a log and nothing is signed, so that what a witness kept can still be held against it.
"""
