"""A tenant's transparency log: one RFC 6962 tree over the leaves of all its events.

Entry `index`, from 0, is one event; its Merkle leaf is SHA-256(00 ‖ the event's leaf). An entry is
never changed. Each append leaves a row in `event_log_pending`, with no lock that another append
waits for. A *round* turns such rows into entries, in one transaction.

- `model`: an entry, a tile, the head of a log. `rules`: which events enter in a round. `tiles`: in
  which tile a node stands. `tables`, `store`: how they are kept. `service`: a round, and proofs.

Order. A round takes rows by stream and sequence, from the stream behind the one where the round
before left off and round again from the beginning, so that no stream keeps another waiting: never
by a number that was given before a commit, nor by a transaction's id, which any long transaction of
the cluster would hold up. What has entered of a stream is read
from the entries themselves; a row says only that there is more. So the events of a stream enter in
their order, each once and none left out, whatever became of a row.

Invariants
- Indexes are 0..size-1 without gap; an event stands in the log once; events of a stream stand in
  its order.
- A round moves the head from the size that it read: `UPDATE … WHERE size = :old`. Of two rounds at
  once the later one meets no row and is rolled back whole. Besides, whoever works holds the head's
  row, which nobody else waits for.
- No round locks a session or a stream that a request writes to, but for the tenant's `seals`.
- Who ends a stream leaves a row in `event_seal_pending`; a round tells of it as `StreamSealed` in
  the tenant's `seals` stream, which enters the log like any other and never ends.
- Tiles are a cache: 256 nodes of level 8, 16, … each. Nodes of lower levels are computed from
  entries. Before a round adds to them, what it read of them must give the root of the head.

What every failure leads to: a round that fails anywhere leaves nothing behind; the rows wait for
the next one. Where tiles do not give the root, `log_damaged`: nothing enters from then on.
"""
