"""Appending in full: for streams whose writers retry, race and die.

The streams of runs (the agent loop, workflows, evaluations) stand here. A batch is appended by one
statement, as a whole, and the stream answers one of these:

- written: the events have their sequence numbers, which follow the last one without a gap. The
  stream's row gives the numbers, under its lock; nobody ever looks for the highest.
- duplicate: every event was there with the same type and body. Each is answered with the number
  that it had, whatever the expectation and the fence of the retry.
- the first events are there and the rest is not, as when a writer that lost its answer has more to
  say by now: the rest is written behind them. With an expected sequence this holds only if those
  first events stand where the batch expects them, and nothing has followed.
- a conflict, and nothing is written: the same id with another type or body (`event_id_taken`);
  events that are there behind some that are not (`batch_mixed`); another last sequence than the
  expected one (`sequence_moved`, with the actual one); a fence lower than the stream's
  (`stream_fenced`); a parent that stands nowhere (`parent_unknown`); a stream that takes nothing
  (`stream_read_only`, `stream_ended`).

Fences: the pair that a write names stands in its events' headers, so the stream's fence is that of
its last event, and no other column can disagree with the evidence. Its second number begins at 1; a
write that names no fence has 0, and into a stream that was ever fenced nobody writes without one.
The first number is the epoch of all authority: after a restore no fence of before is any good.

Same content: bodies are compared under the salt that was kept, so a retry may come with another
one. Where the body was erased its salt is gone, and only a retry with the very same salt counts
as the same.

Parents: an event names its parent in its body, as the member `parent_event_id` (an event's id as
text) of the body's object. There the leaf covers it through the body's hash; the header's 194 bytes
are full, and a column alone would be covered by nothing. `event_place` repeats it beside the
sequence of each id, for those who ask where an event stands and what stems from it. It can be made
again from headers and bodies, and is what remains of the shape once bodies are erased.
"""
