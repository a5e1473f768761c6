"""What is in force: whose signature counts, what was compiled from it, and who signs for us.

A `PersonKey` is the Ed25519 public key that a person votes with. It enters by a proof of
possession that the key itself signed, and stands in the tenant's `authority` stream as
`PersonKeyEnrolled`; its id is SHA-256 of its SPKI form, so one key is never two. It ends by a
`KeyRevocation`, told as `PersonKeyRevoked`, and never comes back. Whether it counts, and where, is
said by the workspaces that let it in (`studio.enrolments`). A `ServerKey` is
one of ours: one each for grants, artifacts and checkpoints, private halves in files of the
operator's data folder or, but for grants, behind a command, and never in Postgres; public halves in
a list that anybody may keep. A
`CompiledGovernanceArtifact` is what an approved snapshot compiles to, in an envelope signed with
the artifact key; it is fetched by its hash and verified without asking us again.

- `model`, `rules`, `tables`, `store`, `service`, `routes`: as everywhere.
- `server_keys`: makes keys once, reads them at each start, and signs with them. `key_slots`: what
  stands in the folder; `key_files`, `key_commands`: the two kinds of keys; `signers`: both.
- `controls`: what stops things. `tool_hosts`: who runs tools, and whose word on a call counts.

Invariants
- A key is enrolled once, for one actor, and never changes hands; a small-order or malformed key is
  never enrolled.
- A public key has one use in a tenant for ever: a person's, a tool host's, an issuer's or ours
  (`store.list_uses`), in whichever order they come.
- An artifact belongs to one approval; the same snapshot under the same compiler version gives the
  same `compiled_hash` on every machine.
- An envelope is signed for one purpose by that purpose's key; the type is part of what is signed.
- Rows of keys and artifacts are only added.
- Counting votes and ending a key wait for each other (`store.hold_statement`): no vote is counted
  behind the end of its key in the `authority` stream.
- The end of a key passes the control gate alone: grants on a standing word of its holder that are
  under way come before the answer, and none comes after it.

Failures
- A proof over other bytes, another person or another tenant: `enrolment_refused`, nothing stored.
- Somebody else's key ended by one who is no admin: `key_of_another`.
- A key file that others may read, or that holds no key: the service does not start and says which
  file and what to do.
- A command that fails, is late, or prints anything but a signature by the key that was taken into
  use: nothing is signed, by no other key either; whoever asked is told to come back
  (`governance_unavailable`), and a service does not start. It is never waited for in a transaction.
- A lost key file: a new key is made and listed; what the old one signed still verifies, because
  its public half stays in the list.
"""
