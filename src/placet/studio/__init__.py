"""Where people write down what an agent may do, and sign it.

- `workspaces`: one per tenant, agent and environment; what everything below hangs on.
- `drafts`: the contract under work, changed only by typed commands, and its immutable snapshots.
- `approvals`: the frozen view of one snapshot, the votes signed on it, the approval and what
  follows from it.

    workspace -> draft -> commands 1..n -> snapshot -> approval request -> votes -> approval
                                                                   compiled artifact, plan <-'

Every step writes its event into the workspace's stream in the same transaction; people's keys and
votes go into the tenant's `authority` stream, whose order decides which vote counted.

Rows are locked in one order everywhere: approval request, draft, workspace, plan, `authority`
stream, workspace stream.
"""
