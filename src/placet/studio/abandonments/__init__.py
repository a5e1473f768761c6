"""Giving a draft up: `open` -> `abandoned`, by an author, with a reason.

In the same transaction the open request for one of its snapshots is withdrawn, and the workspace
points at no draft, so that another one can be opened. What the draft said stays readable: its
commands, snapshots, comments and blame. What is in force stays in force. An abandoned draft can be
the parent of a new one, which goes on from what it held.

Invariants
- No request for a snapshot of an abandoned draft is open: one that is made at the same moment
  waits for the abandoning and is refused, or the abandoning sees it and is refused.
- A vote that grants at the same moment comes first, and the draft is approved; or second, and finds
  its request closed.

Failures
- Another version than the expected one: `draft_version_conflict`; a closed draft: `draft_closed`.
- Something else moved at the same moment: `state_moved_on`.
"""
