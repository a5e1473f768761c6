"""Putting in force, for an hour at most, what was approved beforehand to stand by.

An approval whose request was for the purpose `break_glass` puts nothing in force: it stands by.
Two operators activate it. The first opens an activation with a signed vote (`evidence.break_glass`)
that says which approval, which artifact, for how many minutes and why; the second confirms it with
a vote that says the same. From then on the plan names what stood by, until `ends_at` by the
database's clock, and after that what it would name without it. Sessions that are opened meanwhile
run under it and end with it; sessions that were open go on under their own approval.

    open -> active -> ended
       `-> lapsed | withdrawn

An open one lapses after 15 minutes. Either of its two operators, or an approver of the workspace,
may end it before its time, with a reason; one that is still open is then `withdrawn`. The clock
decides wherever it matters; a worker writes down afterwards what lapsed or ran out.

Invariants
- Two distinct people, each with the role `operator` and a key of their own that is enrolled and not
  revoked, both judged again at the confirmation, while neither key nor person can end.
- It takes effect in the transaction of the confirmation, for 60 minutes at most, never beyond the
  end of its approval, and one at a time in a workspace.
- A pair that activated something is not the pair of another activation in that workspace within 24
  hours of it, in whichever order they sign.
- It lifts nothing: not under a kill of the tenant, and not of an approval that was revoked or
  expired. A revocation ends it, and so does nothing that happens to other approvals.
- What is approved or ended meanwhile holds underneath; the end of an activation undoes none of it.
- It opens a critical drift item in its own transaction, one for each activation; no newer approval
  closes that, only people do.
- Each step stands in the tenant's `authority` stream and in the workspace's.

Failures
- Everything that stands against a vote, at once: `break_glass_refused`.
- An activation id that was used before: `activation_exists`.
- Ended by somebody else: `ending_not_allowed`. Ended twice: the second gets the first one's answer.
- A crash: all of a step is there or nothing of it is.
- No worker: an activation ends all the same, and only the event that tells so is late.
"""
