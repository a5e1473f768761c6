"""Snapshots of sessions: what the events of a session lead to, up to one of them, kept.

A snapshot is a cache. It holds the canonical bytes of the fold of a session's events up to a
sequence number, the leaf of the event that it stands at, and a digest over both and over its place.
Nothing is decided on one: they make the check of a long session short, and all of them may be
removed at any time. Workers take one about every `SNAPSHOT_EVENTS` events of a session, and people
when they ask for it. The latest `SNAPSHOTS_KEPT` of a session stay.

The check of a session folds its events and compares the bytes with the state that stands in its
row. It begins at the latest snapshot that is sound; asked for the whole, at the first event, and
then it holds every snapshot of the session to the fold too.

Invariants
- A snapshot equals the fold of the events up to its sequence number, byte for byte.
- One that is not sound is never begun at: its digest must fit, the event at its place must have the
  leaf that it names, and the fold must be the one that made it (`FOLD_FORM`). An older one that is
  sound serves instead, and without any the fold begins at the first event.

Failures
- The bytes of a snapshot are damaged, or it was copied from elsewhere: it is shown as not sound.
- Somebody who may write to the database makes a snapshot that lies and fits: the check of the whole
  names it, the shorter one does not.
- An event that the fold reads is erased, missing or out of its chain: `history_unreadable`, unless
  a sound snapshot stands after it. The check then follows the chain of headers to its end: where
  that holds, and the tenant's `erasures` stream tells of each body that is not there, nothing is
  wrong, and only what the state should be cannot be told.
- A worker dies: what it had not kept yet is folded again.
"""
