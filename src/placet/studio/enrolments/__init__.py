"""How somebody becomes an approver of a workspace after its creation, and stops being one.

A person asks with a key and a proof that they hold it, made over a challenge that the service gave
for this one time. An `Enrolment` is then `pending`. An approver of that workspace, whose own key
counts there, signs `placet.vote.enrolment.v1` over it: `approve` makes it `confirmed`, `refuse`
makes it `declined`; after seven days without either it is `expired`. Confirmed, the key is enrolled
for the person, the person is an approver of the workspace, and the key counts there after the
delay of the workspace's approval policy: 24 hours if it says nothing, at once in development.

With groups, the wish takes the word of a member of each of them, by a key that counts for it: it
stays `pending` until the last one has signed, and what each of them could sign for is kept. An
earlier word whose key was revoked since counts no more and is given anew by another member. Any
approver may decline. A key that counts already may come into further groups the same way.

The delay stands in the approval policy, and not in a setting, because every voter signs that
policy's hash: nobody shortens it without their seeing it.

A new key of somebody who is an approver already, and a key that counts in another workspace, take
the same way: what the approvers of one workspace confirmed says nothing in another.

Invariants
- Nobody confirms their own enrolment, and no role replaces the signature: an admin alone makes no
  approver, and an approver alone no second self.
- A challenge serves one enrolment of the person whom it was given to, within 15 minutes.
- An enrolment is decided once. Rows are only added.
- What is confirmed, declined and removed stands in the tenant's `authority` stream, with the
  signed envelope.
- A removed approver's keys count no more there; they come back with another key and a new
  confirmation.

Failures
- A proof over another challenge, another tenant's, a used or an old challenge, a key that is taken
  or revoked: `enrolment_refused`, nothing stored.
- Everything that stands against a confirmation, at once: `confirmation_refused`.
- A second decision, or one after the time: `enrolment_closed`.
- Nobody is left who could confirm: archive the workspace and open another one for the same agent
  and environment, with first approvers of its own; there is no way around.
"""
