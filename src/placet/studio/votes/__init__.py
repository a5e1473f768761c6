"""What people sign on a request, and how it is counted.

A vote is an envelope of type `placet.vote.approval.v1` over exactly the fields that the request
shows, the decision, the voter and the key. It is signed with a key that the voter enrolled, by a
person who holds the role `approver` and whom the workspace counts among its approvers; the key must
count in that workspace. One person, one vote. One signed refusal closes the request as `refused`.
The vote that meets the policy grants the approval, in its own transaction: as many distinct people
as the quorum says, and of each group as many distinct people as it says, by keys that count for
that group. Somebody in two groups counts for both, and is one person. The answer to a vote, and the
list of votes, tell what is there and what it takes, for all and for each group.

With four eyes, those who wrote the draft, or the drafts that it began with, never suffice alone:
the vote that would meet the quorum with authors only is refused, and the request stays open for
another person. What is in force ends that line: who wrote it is no author of what is changed since.
An approval that is not in force when the vote is cast (revoked, expired, replaced by a newer one,
or one that stands by) takes nobody from the authors, so that reopening it puts nothing in force
that one person alone wrote and signs. Who wrote what was rebased on counts in the same way.

Invariants
- Votes are counted with the request's row held, so of votes that come at once exactly one grants.
- A vote is a row only if nothing stood against it; a refused one leaves no trace.
- A vote points at a snapshot's hash. An edit moves the draft's version, and then the approval of
  the older snapshot is refused; nothing is voided in silence.
- Each vote counts the earlier ones anew: one whose key was revoked, or whose voter was removed or
  disabled meanwhile, counts for nothing and stands in no proof; a next request asks them again.
- Votes are never changed. Their order, and that of enrolments, is the tenant's `authority` stream.

Failures
- Everything that stands against a vote, at once: `approval_refused`.
- A server that dies between the vote and the approval: neither is there.
"""
