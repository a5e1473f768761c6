"""The event store: gapless streams of immutable events, each chained to the one before.

A stream has one owner and one counter. The header of an event (`event`) is never changed and never
deleted; its body (`event_body`: a salt and canonical bytes) can be erased in a closed stream while
the chain still verifies, because the header holds only the salted hash.

The leaf of an event is computed in SQL by `event_leaf_v1`, because only there are its sequence,
the previous leaf and the time known; `evidence.leaf` computes the same in Python and shares test
vectors. Ordinary streams keep their head in `event_stream`, locked by the appending statement;
a session's stream keeps its head in the session's row, where the hot functions hold the lock
anyway.

The streams of runs are appended to in full (`places`): once per event id, under an expected
sequence and a fence. They are forked (`forks`), folded from verified checkpoints (`checkpoints`),
closed when they end (`closings`), and their events have files (`artifacts`). What tells of
authority is appended to by its own parts.

Invariants: sequences of a stream are 1..n without gap; times never run backwards within a stream;
a body holds nothing that SQL assigns; an event is written in the transaction of the change that it
tells of, or neither is.

Failures: an append whose transaction is rolled back leaves no trace and uses no sequence number.
"""
