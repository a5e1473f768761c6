"""Closing a workspace for good.

`active` -> `archived`, by an operator or an admin, with a reason. In the same transaction the open
request is `withdrawn` and the open draft `abandoned`, and the workspace points at neither. From
then on nothing is written, asked for, voted on or approved in it, and nobody is let in to it. All
of its records stay readable.

The desk is closed, and not what it has in force: the plan goes on, and so do sessions, until the
approval expires or is revoked. To end an approval is an act of its own, with its own signature,
record and effect on open sessions; closing a folder must not do it by the way, and an archive is no
unsigned revocation. So what takes rights away still works in an archived workspace: keys are
revoked, approvers removed, approvals revoked.

There is one active workspace for an agent in an environment; another one may follow an archived
one, with its own people, drafts and policy. It takes the plan as it stands: what was in force stays
so until it ends or the new workspace approves something.

Invariants
- After the answer no draft, command, snapshot, source, request, vote, approval or enrolment of the
  workspace is added.
- Whoever writes in a workspace moves one of its pointers, moves its open draft, or holds its row;
  the archiving waits for them, or they see it.

Failures
- A workspace that is archived already: `workspace_not_active`.
- A draft, request or pointer that moved at the same moment: a conflict, nothing done, to be sent
  again.
"""
