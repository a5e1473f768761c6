"""Standing grants: a person's yes to calls that are yet to come.

A standing grant names an agent, an environment, one tool, rules on its arguments, how many calls
and until when. Where a call would be asked about and one matches, the ask is answered by it: the
policy judges the call again with that yes as a fact, and grants it or not. It is counted at the
grant, in the statement that grants (`standing_v1`), which also looks whether it is still in force.

Where a response is granted as a whole, standing grants answer all of its asks or none, so that
nothing waits for people whom nobody asks. They answer at the proposal only: a call that waits
already is answered by votes.

Invariants
- No more calls are granted by one than it allows, over all sessions, and none after it was revoked,
  has run out, or its signer's word ended: the key, the person, the membership, the workspace. Each
  of these ends passes the control gate alone, so that once it is answered nothing is granted.
- So many are in force at most, and looking for answers to a response takes so long at most
  (`model`, `rules`): what is beyond a bound answers nothing, and is asked about.
- None that was given before a restore answers anything again: how often it was used, and whether it
  was revoked, may be lost.
- It answers nothing under rules that were activated by break-glass, and nothing under another
  schema of the tool or another checkpoint than those that it was signed for.
- Each grant by one is a row that is never changed, and the event that tells of the call names it.

What each failure leads to: one that is spent, revoked or unknown to a process answers `redo`, and
the call is decided again on what counts now; in the end it is asked about.
"""
