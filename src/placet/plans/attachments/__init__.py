"""Who runs what: how far each process of an agent has come with the plan that it was told.

A process reports itself when it attaches, when that fails, and again from time to time. Its last
report is kept: one row per agent, environment and instance.

States: `attached`, `no_plan`, `fetch_failed`, `artifact_invalid`, `attachment_failed`; any may
follow any. `since` is when the instance first reported the status and hash that it has now.
`converged` is worked out when somebody looks: the instance runs what is in force, or runs nothing
where nothing is.

Invariants
- Agent and environment are those of the key that reports, never fields of the report.
- Times are the database's. What is reported is a claim: it moves no plan and allows nothing.
- At most 1,000 instances are kept of an agent in an environment; the one that was silent for
  longest goes first.

Failures: a report that is lost is made up for by the next one. Reports are no decisions and leave
no event: a row says by which actor it was last written, and when.
"""
