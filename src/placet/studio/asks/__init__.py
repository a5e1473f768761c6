"""Who may answer an ask, and what their answers come to.

A call that a contract lets wait for people names roles and how many distinct people of each. The
role `approver` is everybody who approves in the workspace whose approval the session runs under;
any other role is a group of that workspace's approval policy. A vote is an envelope of type
`placet.vote.ask.v1` over the calls, their arguments and the views that the voter was shown, signed
with a key of the voter's that counts in the workspace. Calls of one step may be answered by one
vote.

A call is approved once every role that its contract names has enough distinct people; somebody
who has two of the roles counts for both. One rejection, by anybody who could have approved, ends
the call, and its reason goes back to the model. What an approval leads to is told in
`replay.asks`: it grants nothing by itself.

Instead of answering, somebody whom the call asks may put one with other arguments in its place,
with a reason. It is asked about anew, and the editor votes on it as everybody does.

Invariants
- A vote is a row only if nothing stood against it, and names the bytes that were shown.
- Each vote counts the earlier ones anew: one by a key that counts no more is left out.
- The envelope stands in the tenant's `authority` stream, the outcome in the session's.

Failures
- Everything that stands against a vote, at once: `ask_refused`; nothing was written.
- Everything that stands against an edit: `edit_refused`.
- A call that was answered, claimed, cancelled or overdue meanwhile: `ask_closed`.
- Two votes at once: the later one is counted again on what the earlier one left.
"""
