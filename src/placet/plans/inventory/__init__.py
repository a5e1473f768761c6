"""What tools an agent offers to its model, as its processes say of themselves.

A row is one version of one tool of an agent in an environment: its name, the hash of its
description, its input schema and the schema's hash. Another description or schema is another
version beside the first, because processes of two releases run side by side. A version is added
when it is first reported and only its `last_seen_at` changes from then on.

Invariants
- `schema_hash` is made as a contract's compiled schema hash is: equal schemas have equal hashes.
- Of a description only the hash is kept: it is a text that somebody else's server chose.
- An agent has at most 1,000 versions in an environment. The one that was not seen for longest goes
  first, by the database's clock.
- What stands here is a claim of the agent's process. It allows nothing and lowers no plan.

Failures: a tool whose schema is larger than 32 KiB, `tool_schema_too_large`; nothing is kept of
such a report.
"""
