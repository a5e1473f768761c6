"""Sessions, their lease, their state and their end.

Status: `active` → `closing` (a terminal phase was reached: no new calls) → `completed` (nothing is
left open), or `killed`, `compromised`, `expired`. Killed is for ever. All but `active` still take
receipts and settlements, and nothing else.

The lease stands in the session's row, so that one lock serves lease, versions and state. Granting
raises the fence, also for the same holder; the same request id again gets the same answer; renewing
never revives and never raises; releasing needs the right fence; an operator may steal, with a
reason. `state_version` rises with each change of the facts that decisions read, `control_revision`
with each control on the session.

Failures: a lease whose answer was lost is asked for again under the same request id; a holder that
was overtaken learns it at its next write, from the statement that would have written.
"""
