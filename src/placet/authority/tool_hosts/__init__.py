"""Who runs tools, and whose signed word on a call counts.

A tool is governed in one of three strengths. *Cooperative*: the SDK in the agent's own process,
which stops mistakes and no malice. *Proxied*: only a proxy of ours or of the tenant holds the
tool's credentials. *Verified*: the tool's host checks the grant of each call. A tool that no host
is registered for is cooperative.

A `ToolHost` is one registration: a name, an environment, a strength, the tools that it runs, and
the key that it signs receipts with. It is never changed. A host that gets another key or other
tools is registered again, and the old registration is revoked when nothing is signed by it any
more; both may stand meanwhile.

- `ToolHostRegistered` and `ToolHostRevoked` stand in the tenant's `authority` stream.

Invariants
- A key belongs to one registration of a tenant, and is no person's, no issuer's, none of ours.
- A host signs for its own environment and for its own tools, and for no other.
- Rows are only added. A revoked registration never counts again.
- Registering and revoking raise the tenant's control epoch: every event that a revoked key's word
  led to names an older one than the event of the revocation.

Failures
- A key that is unsafe or taken: `host_key_refused`, nothing is stored.
- A revocation whose answer was lost is sent again and finds its own row.
"""
