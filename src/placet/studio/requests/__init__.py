"""Asking people for their assent to one snapshot.

An `ApprovalRequest` freezes what the voters see: the view, which holds the review projection, the
difference from what is in force, every finding, the policy that the approval is judged by, the
workspace's posture, and what was revoked or ran out of what it would bring back. The hash of those
bytes, the hash of what the snapshot compiles to, and the hash of the policy stand in every vote.
`open` -> `granted` | `refused` | `withdrawn` | `expired` |
`superseded`; a workspace has at most one open request. An open request whose deadline has passed by
the database's clock counts as `expired`, whoever looks; a worker writes that down afterwards, once.
Whoever asked, or an author of the draft, may withdraw it with a reason.

A request may carry another approval policy, with the first members of the groups that it adds. The
view shows both policies and who would be in the groups. The request is judged by the policy of now;
the vote that grants puts the other one in its place, in the same transaction. To change the policy
and nothing else, ask with a snapshot of the same contract: reopen the approval and freeze it.

    view_hash            = SHA-256("placet.approval_view.v1" 00 | view)
    approval_policy_hash = SHA-256("placet.approval_policy.v1" 00 | canonical JSON of the policy)

Invariants
- What is frozen never changes; only the status moves, once, from `open`.
- A request is made only for a snapshot that could be approved at that moment.
- No vote counts on a request whose policy is not the workspace's any more.
- A group that is kept gets nobody by a change of policy: only its own members let somebody in.
- A group that was dropped and comes back has those whose keys still count; the view names them.

Failures
- A snapshot that cannot be approved: `approval_refused`, with every reason.
- A second open request for the same snapshot: `approval_already_requested`, with its id. One for a
  newer snapshot supersedes the older request.
- A next policy whose groups cannot be so: `groups_refused`; if the only key of a new group ended
  since, the vote gets `approval_refused` with `next_policy_refused`.
- Withdrawn by somebody else: `withdrawal_not_allowed`; what is closed already: `request_closed`.
- No worker: requests still expire, and only the event that tells so is late.
"""
