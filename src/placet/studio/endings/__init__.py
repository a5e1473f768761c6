"""How an approval ends, and what it counts for until then.

An approval is `in_force` while its workspace points at it, `superseded` once a newer one took its
place, `expired` when its time is over, `revoked` when somebody took it back. One that was given for
break-glass is on `standby` instead of the first two, activated or not (`studio.break_glass`). What
expired or was revoked is so for ever; what expired can still be revoked, and counts as that then.
Sessions that were opened under an approval go on under it when a newer one comes, and end with it
when it ends.

Revocation. An approver of the workspace or an operator revokes, with a reason. In one transaction
the ending becomes a row, the workspace and the plan point at nothing if they pointed there (the
plan is `READY`), and a control of kind `artifact` is put in force, last, through the tenant's gate.
It waits for the grants under way; after its answer nothing under that approval is granted or
started, in no process, whatever it remembers: every function that grants reads the controls itself.
Sessions under other approvals wait for that moment and go on: only what a control reaches is stale.

Expiry. The date is in the approval, in the plan and, since its opening, in each session's row. The
statement that decides compares it with the database's clock, so nothing has to happen for it to
hold. A worker writes it down afterwards, and warns 14, 3 and 1 days before, if the approval is then
in force or stands by; a worker that was away tells only the nearest of those.

Invariants
- Approvals are never changed; an ending is a row of its own, one of each kind for an approval.
- A newer approval never ends with an older one: pointers move only away from the one that ended.
- Of two revocations, the second gets the first one's answer and says nothing again.
- An event of each ending and each warning is told once, however many workers run.
- Nothing lifts a revocation: a new approval of the same contract has an artifact of its own.

Failures
- Somebody else's approval, or none: `approval_not_found`.
- Neither an approver of that workspace nor an operator: `revocation_not_allowed`.
- A grant or an opening at the same moment waits, and is then refused: `artifact_revoked` or
  `authority_expired`; one that came first is over before the revocation is answered.
- A crash: the ending is there with all that follows from it, or nothing is; sessions that nobody
  has written to yet are ended by the next worker, and are granted nothing until then.
"""
