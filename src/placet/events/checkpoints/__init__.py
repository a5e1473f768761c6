"""Fold checkpoints: the state that a stream's events lead to, kept so that a fold can begin later.

They are caches and prove nothing; the checkpoints of the transparency log are something else. One
is kept in the transaction of the batch that it follows, or at any later time.

A checkpoint is used only if it is sound: its form is that of today's fold, its digest (`fold`, the
form, the tenant, the stream, the sequence, the leaf there and the state, under the purpose
`fold_checkpoint`) is right, and the event at its sequence has the leaf that it names. One that is
not sound is passed over for an older one, and without any the fold begins at the first event. The
events that are folded on from there must follow it without a gap, each chained to the one before.

Failures: an erased body that the fold would have to read ends it with `stream_unreadable`, which
names the event. A checkpoint holds what bodies said, so whoever erases bodies drops the stream's
checkpoints too (`store.drop_checkpoints`).
"""
