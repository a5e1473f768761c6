"""A tenant's transparency log: one RFC 6962 tree over the leaves of all its events.

Entry `index`, from 0, is one event; its Merkle leaf is SHA-256(00 ‖ the event's leaf). An entry is
never changed. Each append leaves a row in `event_log_pending`, with no lock that another append
waits for. A *round* turns such rows into entries, in one transaction.

- `model`: an entry, a tile, the head of a log. `rules`: which events enter in a round. `tiles`: in
  which tile a node stands. `tables`, `store`: how they are kept. `service`: a round, and proofs.

Order. A round takes the oldest rows first, so that no stream keeps another waiting. What has
entered of a stream is read from the entries themselves; a row says only that there is more. So the
events of a stream enter in their order, each once and none left out, whatever became of a row.

Where to look. Rows that were taken stay in the index while any transaction of the cluster holds an
old snapshot. So a look begins shortly before the last row that was taken (`mark`), which is no
bound: that row's time was given before its commit. What was committed later than that is found by
looks at one *part* of the log's time after the other (`sql/log_rows_v1.sql`), the newest most
often. A row that is missed is delayed and never lost. Nothing waits for the oldest transaction of
the cluster.

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
the next one. Where tiles do not give the root, `log_damaged`: nothing enters until they are made
anew (`placet checkpoint rebuild-tiles`).
"""
