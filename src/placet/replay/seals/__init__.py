"""What a session's stream was when the session ended.

At the moment of its end, however it ends, the database itself writes down how many events the
stream had then and the leaf of the last one. A seal never changes. Late receipts and settlements
still follow in the stream, after what is sealed.

A seal goes with every bundle of the session. A verifier that finds another leaf at that place, or
fewer events, knows that the stream is not the one that ended.

Failures: a seal that cannot be written takes the end of the session with it, since both are one
transaction.
"""
