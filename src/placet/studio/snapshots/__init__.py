"""What exactly is under review: a draft, frozen.

A `BusinessDraftSnapshot` is the immutable picture of a draft at one version, with everything that
was found in it: `invalid` when the contract cannot be read or has errors, `needs_judgment` while a
blocker is unanswered (`judgments`), else `ready_for_approval`. It holds the judgments with their
answers, and the sources that the draft counted (`draft_sources`). Its hash covers every field but
the time; the sources by their own hash. A review of a draft is what its snapshot would say now.

    snapshot_hash = SHA-256("placet.draft_snapshot.v1" 00 | canonical JSON of `SnapshotContent`)

Invariants
- A snapshot is never changed, and its status is fixed when it is taken.
- A snapshot of the same version by the same compiler is the same snapshot: what it says follows
  from the commands up to that version, and from sources, which never change.
- It is taken with the draft's row held, so no command falls between what was read and what it says.
- Draft and workspace both point at their latest snapshot, from the transaction that took it on.

Failures
- Another version than the expected one: `draft_version_conflict`; a closed draft: `draft_closed`.
- A contract that cannot be read at all is frozen too: `invalid`, with what was found.
"""
