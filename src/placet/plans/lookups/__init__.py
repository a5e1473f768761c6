"""How a plan is asked for, and how long somebody may wait for it to change.

Agents ask for their plan at start-up and again for as long as they run, and mostly nothing has
changed. So the question *who asks, and is it still the same plan* is one database function, and the
plan itself is read only for whoever does not know it yet. Questions that arrive while two
statements are under way go into the next one together; a lone question never waits for company.

A client that names the tag that it has may ask to wait, for up to 30 seconds. It waits without a
database connection until something is heard of the plan on the channel `placet_plan`, which every
process listens to, and looks again; it also looks again every five seconds, so that a lost
notification, an approval that runs out and a key that is revoked are seen all the same.

Invariants
- No answer is remembered: what is told was read after the question came.
- The tag is a hash of the stamp, which names the plan, its version, whether its approval has run
  out and the keys: equal stamps, equal answers. Every move of a plan raises its version.
- A notification only makes it faster. Nothing is decided by one.
- At most 128 requests of a process wait; the next one is answered at once.

Failures
- A database that does not answer: `governance_unavailable` for every question in that statement.
- A question that makes the statement fail: the others are asked again, each on its own.
- The listening connection is lost: it is opened again, and everybody who waits looks again.
- The service is stopped: everybody who waits is answered at once.
"""
