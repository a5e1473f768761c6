"""Following the events of a session as they come, over server-sent events.

A reader names the last event that it has, by `Last-Event-ID` or `after`, and is sent every later
one with its sequence number as id, then whatever comes. A stream lives for five minutes; then it
ends, and the reader asks again from where it stands, as browsers do by themselves. While nothing
happens a comment is sent every 15 seconds.

It holds no database connection while it waits. The sessions that somebody in this process follows
are looked at together, once a second, one statement a tenant.

Invariants
- Events are sent in their order, each once in a stream, none left out.
- Before events are sent the key is asked about again: a revoked one is sent nothing more.
- A stream takes no place among the requests that are being answered. At most 256 streams of a
  process live at one time and 64 of a tenant; the next is refused with `too_many_watchers`.
  The place is taken with the answer, and given back when the stream or its connection ends.

Failures
- A database that does not answer, a key that was revoked: the stream ends.
- A reader that does not read: no more is read for it than waits to be sent. After a minute in
  which too little of that was taken its connection is cut, and its place is free again.
- A connection that ends before its stream began: its place is free again.
- The service is stopped: every stream ends at once.
"""
