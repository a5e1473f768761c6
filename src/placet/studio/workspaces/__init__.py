"""The place where the governance of one agent in one environment is made.

A `GovernanceWorkspace` holds what its drafts are judged by (posture and approval policy) and
pointers to what is under work and in force: the active draft, the active snapshot, the active
approval. `status`: `active` -> `archived`. `runtime_authority_kind`: `none` -> `plan` (learned,
captures only) -> `artifact` (signed).

Posture: production blocks and denies, development reports and captures; only in staging may the
workspace choose, and says `block` or `capture` where it wants more or less than report and deny.

First approvers: up to two people may be named at the creation, each with a key and the proof that
they hold it. They need nobody's confirmation, count at once, and are recorded in every approval.
That proof is over the workspace itself (`evidence.first_approver`): the tenant, the agent, the
environment, the groups that they are to be in, and the archived workspace that goes before
(`succeeds`). So nobody is made a first approver who did not sign for this very workspace: a proof
for another agent, for other groups, from an enrolment or for a workspace that was archived since is
refused. The id of the workspace is no part of it, as it is not known before; nor are posture and
policy, but for the groups. Later ones come by `studio.enrolments`. A key counts only in the
workspaces that let it in.

Groups are named lists in the approval policy, each with a quorum of its own beside the quorum of
all. A membership is of one key, with who confirmed it, and ends with that key: a member's new key
counts for the group only where a member confirmed that too. At the creation each group needs a
first approver; nobody could be let in to an empty one. Groups that a later policy adds get their
first members from the approval that brings it, confirmed by its voters.

Invariants
- One active workspace per tenant, agent and environment. It is archived once, by
  `studio.archives`; then another may be opened, which takes the plan with its own posture.
- The approval policy changes only with an approval, in its transaction (`studio.requests`).
- A pointer moves only from the value that was read, in the statement that moves it.
- Nothing but an approval, or the end of the one that it names, makes `active_approval_id` move.

Failures
- A second active workspace for an agent and environment: `workspace_exists`, with its id.
- Another that was made and archived at the same moment: a conflict, to be sent again.
- A plan that was changed while its posture was taken over: `plan_moved_on`, nothing stored.
- A posture that the environment does not leave open: `posture_not_allowed`.
- A key that cannot be enrolled: `enrolment_refused`; then there is no workspace either.
- A group named twice, unknown, or with nobody in it: `groups_refused`, with every reason.
- Anything that is to be written in an archived one: `workspace_not_active`.
- Another tenant's id: `workspace_not_found`, as for none.
"""
