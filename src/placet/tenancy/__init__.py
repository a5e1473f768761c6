"""Who is there: tenants, the actors in them, what they may do, and the keys that speak for them.

A `Tenant` owns everything. An `Actor` is a person, an agent or a service; it is never removed,
since events name it, only disabled. A `RoleGrant` says what an actor may do, in the whole tenant or
in one workspace. An `ApiKey` speaks for one actor, carries some of the scopes that its actor's
roles give, may be bound to one agent in one environment, and ends by expiry or by revocation.

- `model`: these as Structs, what a client may send, what is answered.
- `rules`: the text form of a key, what a role allows, whether a key may be issued as asked.
- `service`: create a tenant, actors, grants, keys; revoke a key; disable an actor.
- `store` and `tables`: how they are kept. `api_key_lookup` belongs to no tenant and is reached by
  two DEFINER functions only: `authenticate_v1` and `keep_api_key_v1`.
- `entry`: what a route may learn of the request at hand: who asks, with which body, on which
  database. Every `routes` file of the product stands on it.
- `routes`: the HTTP face.

Keys: `plc_<env>_<key id>_<secret><check>`. The key id is 12 characters of base32, the secret 32
bytes as 43 characters of base62, the check 6 characters of base62 over everything before it.
Only SHA-256 of the secret is kept. A text whose check does not fit is refused without any question
to the database.

Invariants
- A key's text is shown once, in the answer that made it; a repeated request gets the same answer
  with the text blanked.
- A runtime key names one agent and one environment, and carries neither `approve` nor `admin`.
- Only a runtime key has claims, which say for whom its agent acts; they never change.
- No key carries a scope that its actor's roles do not give at the time of issue.
- `approve` is only carried by a person's key; a vote still needs that person's signature.
- A revoked key, an expired key, and a key of a disabled actor are refused from the next request on.
- A foreign tenant's id and an unknown id get the same answer, byte for byte.

Failures: no database, no answer (`governance_unavailable`); never an answer from memory.
"""
