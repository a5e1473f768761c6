"""Asking people for their assent to one snapshot.

An `ApprovalRequest` freezes what the voters see: the view, which holds the review projection, the
difference from what is in force, every finding, the policy that the approval is judged by and the
workspace's posture. The hash of those bytes, the hash of what the snapshot compiles to, and the
hash of the policy stand in every vote. `open` -> `granted` | `refused` | `withdrawn` | `expired` |
`superseded`; a workspace has at most one open request. An open request whose deadline has passed by
the database's clock counts as `expired`, whoever looks.

    view_hash            = SHA-256("placet.approval_view.v1" 00 | view)
    approval_policy_hash = SHA-256("placet.approval_policy.v1" 00 | canonical JSON of the policy)

Invariants
- What is frozen never changes; only the status moves, once, from `open`.
- A request is made only for a snapshot that could be approved at that moment.

Failures
- A snapshot that cannot be approved: `approval_refused`, with every reason.
- A second open request for the same snapshot: `approval_already_requested`, with its id. One for a
  newer snapshot supersedes the older request.
"""
