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
- Neither of the two issued an API key of the other that lived since the lift was asked for: who
  issues a key has seen it. A key revoked before that no longer counts.
- The row, the control and the event change in one function that holds the gate alone.

Failures
- The answer to a confirmation was lost: the same idempotency key gets it again.
- Two confirm at once: one lifts, the other is refused with `lift_not_allowed`.
- An admin who is not one of the two issued both keys: nothing here sees it. It is two keys that
  agree, and no signed word is asked of anybody yet.
- The asker was disabled or lost the role meanwhile: `two_people_needed`, and somebody asks anew.
"""
