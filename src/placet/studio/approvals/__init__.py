"""What an approval is, and everything that follows from one at once.

A `GovernanceApproval` is for exactly one snapshot and one request. In one transaction it closes
the draft, compiles the snapshot and signs the artifact, moves the workspace's pointers, and puts
the plan of the agent in that environment to `APPROVED`.

`approval_proof_json` holds all that a verifier needs beside the key list: the votes in their
envelopes, the policy that they met and the one that follows it, each voter's key with the proof of
its enrolment, who confirmed the voter for this workspace, and for which groups the vote counted and
who confirmed that.

Invariants
- An approval names one snapshot hash, and the snapshot's version is the draft's at that moment:
  the statement that closes the draft holds on nothing else.
- One approval for a request, one artifact for an approval, versions 1..n in a workspace.
- The artifact is compiled again from the snapshot at the moment of approval, and its hash is the
  one that the voters signed.
- Approvals are never changed. Expiry is a date in them, revocation a row of its own.

Failures
- An edit that committed first: `approval_refused` with `version_moved`; no vote, no approval, no
  artifact is stored. An edit that comes second: `draft_closed`.
- Pointers or plan moved at the same moment: a conflict, nothing stored, to be sent again.
"""
