"""Who may say yes to calls that are yet to come, and what stands against it.

A standing grant is an envelope of type `placet.standing.v1`, signed by a person with a key that
counts in the workspace whose contract asks about the tool. It is one person's word: where the
contract wants more people, or a role that the signer has not, it is refused. What it answers, and
how it is counted, is told in `replay.standing`.

It names the tool's schema and the people asked, as the contract in force has them (`terms`): under
a contract that says otherwise about that tool it answers nothing.

Failures
- Everything that stands against one, at once: `standing_refused`; nothing was written.
- One that has ended before is revoked by nobody: `transition_not_allowed`.
"""
