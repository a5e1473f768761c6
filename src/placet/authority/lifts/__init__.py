"""Lifting a kill of the tenant, of an agent or of a tool. It takes two people.

One operator asks and says why; another agrees within the hour and says why. The answer to the
second is the moment from which grants pass again. What was prepared or granted before the kill
stays unusable: its control epoch is older than the lifting. A session that was killed by itself
stays dead, and so does whatever ran under a revoked approval; neither is lifted here.

States: open, until confirmed or an hour old. Several may be open for one control, by several
people; the first one that is confirmed lifts it, and the others can no longer be.

Invariants
- Nobody lifts alone: who confirms is not who asked, both are people, both are operators at the
  moment of the confirmation. The database refuses the first of these once more.
- Both signed: a `placet.vote.lift.v1` over the lift, the control, its epoch and their own reason,
  each with an enrolled key of their own that is not revoked at the confirmation, and that was
  enrolled before the kill, or that somebody else signed for in an enrolment by a key from before
  the kill that still counts; then not before the enrolment says that it counts. Who makes people
  and opens workspaces makes no such key. The function that lifts asks for all of this once more.
  Both envelopes stand in `ControlLifted`.
- Only where nobody in the tenant ever enrolled a key, two API keys are enough. Nothing can have
  been approved there, so that no kill holds anything back. Neither of the two may then have issued
  an API key of the other that lived since the lift was asked for: who issues a key has seen it.
- The row, the control and the event change in one function that holds the gate alone.

Failures
- The answer to a confirmation was lost: the same idempotency key gets it again.
- Two confirm at once: one lifts, the other is refused with `lift_not_allowed`.
- One of the two lost their key: another operator with a key of their own takes their part. With
  fewer than two such people a kill stays in force until somebody with a key from before it signs
  for the key of a second one.
- A word that is missing, unreadable, on something else or by no key that counts:
  `lift_vote_refused` with the flaw, and nothing is written.
- Somebody who, before the kill, made two people up and enrolled a key for each as the first
  approvers of a workspace, can sign as both: nothing here sees that these are not two people. Nor
  does it where somebody whose own key is from before the kill signs for that of an invented one.
- The asker was disabled or lost the role meanwhile: `two_people_needed`, and somebody asks anew.
"""
