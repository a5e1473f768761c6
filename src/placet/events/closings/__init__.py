"""Closings: the end of a run's stream.

A stream of a run goes on for as long as its writers write, and most of them end. Whoever closes one
appends a last event, `StreamClosed`, under the same expectation and fence as any other; from then
on nothing follows, whoever asks (`stream_ended`). What was appended before is still answered as
the duplicate that it is. The tenant's stream of seals tells of the closing with the last sequence
and leaf, so that leaving the stream out of an export shows.

Only what is closed grows old: retention erases bodies of closed runs by age, and of no other. A
stream that was closed is never opened again; whoever goes on forks it.

Failures: a closing that is rolled back leaves the stream open. Closing again answers what stands.
"""
