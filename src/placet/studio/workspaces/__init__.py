"""The place where the governance of one agent in one environment is made.

A `GovernanceWorkspace` holds what its drafts are judged by (posture and approval policy) and
pointers to what is under work and in force: the active draft, the active snapshot, the active
approval. `status`: `active` -> `archived`. `runtime_authority_kind`: `none` -> `plan` (learned,
captures only) -> `artifact` (signed).

Posture: production blocks and denies, development reports and captures; only in staging may the
workspace choose, and says `block` or `capture` where it wants more or less than report and deny.

First approvers: up to two people may be named at the creation, each with a key and the proof that
they hold it. They need nobody's confirmation, count at once, and are recorded in every approval.
Later ones come by `studio.enrolments`. A key counts only in the workspaces that let it in.

Invariants
- One workspace per tenant, agent and environment.
- A pointer moves only from the value that was read, in the statement that moves it.
- Nothing but an approval, or the end of the one that it names, makes `active_approval_id` move.

Failures
- A second workspace for the same agent and environment: `workspace_exists`, with its id.
- A posture that the environment does not leave open: `posture_not_allowed`.
- A key that cannot be enrolled: `enrolment_refused`; then there is no workspace either.
- Another tenant's id: `workspace_not_found`, as for none.
"""
