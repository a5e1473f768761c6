"""Controls wider than one session, and the gate that every grant passes.

A control is one row and one event in the tenant's control stream. Setting one takes the tenant's
gate alone; granting and starting hold the gate shared and read the controls after that. So a kill
waits for the grants under way, and a grant that comes later sees the kill: after the answer to a
kill nothing in its scope is granted or started. No session row is touched; what a session's status
is under a wider kill is derived when somebody looks, so that it goes on once the kill is lifted.

A kill reaches the whole tenant, one agent, one tool, or what was compiled to one artifact. Whatever
it does not reach is not disturbed: a prepared request of another agent stays good, and under a kill
of a tool each call of that tool is denied with a reason, while the rest of a response runs.

States: in force, until lifted by two people (`authority.lifts`); a revoked artifact never is.
Failures: a kill whose answer was lost is sent again under the same idempotency key and finds its
own row.
"""
