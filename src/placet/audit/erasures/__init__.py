"""Erasing what events say, and nothing else of them.

An event is a header that is kept for ever and a body. A body is erased with its salt by one
database function, `event_erase_v1`, and by nothing else: the application may not delete one, and a
trigger refuses it to everybody for whom no erasure was written down. In the same transaction that
function

- holds the stream and sees that it is closed: a session that was sealed and in which it is known
  what became of every call, the stream of an archived workspace that has nothing in force, or a
  run that was closed; of a run that goes on bodies go too, where a person asked for it;
- writes which bodies go (`audit_erasure`) and tells of it in the tenant's `erasures` stream
  (`BodiesErased`: how many, of which stream, from where to where, and why);
- deletes salts and bodies, and blanks or deletes every copy of what they said: see
  `docs/reference/evidence.md`, which lists each column that can hold some.

Of a run no other part keeps a copy, but its artifacts and what was folded of it, or of a fork that
goes on behind the event: these go, and none is kept again. Kept answers are found by the streams
that they name, which a trigger notes beside each of them.

What the streams of a tenant as such say (`tenancy`, `authority`, `control`, `seals`, `erasures`) is
never erased: it proves who may do what. Of a workspace's stream only what people wrote in words
goes, never what tells how authority came about. Of a session's stream and of a run's everything may
go. Types of events stay, those that nobody here knows byte for byte: they stand in the header.

Invariants
- A stream of another tenant is refused, and so is one that is not closed, unless it is a run's and
  a person asked.
- What was erased is erased: doing it again finds nothing and writes nothing.
- The chain, the log and each signature still verify; a verifier says what it could not read.

Failures
- Bodies that are not there any more, because another was first: nothing is done, and whoever asked
  looks again.
- A worker that dies has erased whole batches, each told of; the request is taken up again.
"""
