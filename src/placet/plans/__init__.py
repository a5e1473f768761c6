"""What an agent is told at start-up: which governance holds for it in its environment.

A `GovernancePlan` is one row per tenant, agent and environment. It names the artifact in force by
id and hash, both held by one foreign key, and says what becomes of a call when nothing is approved
(`unplanned`) and of a call that the contract refuses (`enforcement`). It outlives an archived
workspace: the one that follows brings its own posture to it, and leaves what is in force.

States: `LEARNING` -> `READY` -> `APPROVED` -> `ENFORCING`. Enough observed calls lead from
`LEARNING` to `READY` (`studio.readiness` says how many), once; no new tool leads back. A signed
approval leads to `APPROVED` from each of them, and the end of that approval back to `READY`,
without an artifact. The first attach where refused calls are blocked leads from `APPROVED` to
`ENFORCING`. An approval that ran out counts as `READY` from that moment by the database's clock,
whoever looks, whether or not anything has moved the row yet.

What stands by for break-glass may be activated for a while. It lies over the rest: the plan names
it until its end by the database's clock, and then what it would name without it, with whatever was
approved or ended meanwhile.

Invariants
- An artifact is named if, and only if, the status is `APPROVED` or `ENFORCING`.
- `version` rises by one with each move; a move names the version that it was decided on.
- The ETag is a hash of all that the answer follows from (`plans.lookups`): equal tags mean equal
  answers.
- A runtime key learns of its own agent in its own environment and of nothing else.

Failures
- No plan here, or somebody else's: `plan_not_found`, the same answer for both.
- A runtime key that asks for another agent or environment: `key_bound_elsewhere`.
- A move that lost a race: `plan_moved_on`, nothing stored.
"""
