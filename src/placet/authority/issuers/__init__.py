"""Who may say for whom an agent acts: the application in front of it, or what signs people in.

An agent's process is not believed when it names the person that it works for. An `Issuer` is: one
registration of a name, an agent, an environment, and the key that it signs assertions with
(`placet.evidence.principal`). It is never changed. An issuer that gets another key is registered
again, and the old registration is revoked when nothing is signed by it any more; both may stand
meanwhile.

- `IssuerRegistered` and `IssuerRevoked` stand in the tenant's `authority` stream.

Invariants
- A key belongs to one registration of a tenant, and is no person's, no tool host's, none of ours.
- An issuer speaks for one agent in one environment, and for no other.
- Rows are only added. After the answer to a revocation no session is opened on what that key
  signed: it takes the gate alone, which every opening holds to its end.

Failures
- A key that is unsafe or taken: `issuer_key_refused`, nothing is stored.
- A revocation whose answer was lost is sent again and finds its own row.
- Sessions that were opened before a revocation go on, for what was said of them then; an operator
  ends them by hand where that was not true.
"""
