"""Streams of events as files: taken away line by line, and brought in as the history of a run.

An export is a bundle of one stream (docs/reference/evidence.md, §10), so that `placet verify` reads
it. Events of types that nobody here knows are in it as they are, byte for byte. That somebody took
a stream is an event of the tenant's (`StreamExported`) before the first line leaves.

An import makes a new stream of a run out of such a file. Its first event is `StreamImported`, which
names what the file is of, so that nobody takes the copy for the stream itself; behind it come the
file's events with their ids, types, bodies and salts. Sequence, time, actor and chain are the new
stream's own. Only a file of a run is brought in: what other streams tell is authority, and a file
cannot give any. So neither is an event whose type a verifier reads as one of those. The copy of a
run that was closed is closed, with its seal; of a fork that takes no events there is no copy.

Failures: everything is refused with the number of the line that is wrong, and nothing is written:
lines that are in no canonical form, another order, a count or a hash that does not fit, a chain
that does not hold (`import_refused`), more than 10,000 events (`import_too_long`), a body that was
erased (`import_body_erased`), a parent that stands nowhere before in the file, as a fork's do
(`import_parent_elsewhere`), and what is no run that could go on (`import_no_run`).
"""
