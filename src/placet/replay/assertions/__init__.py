"""For whom an agent acts, as its session keeps it.

Attributes come from two sources and no third: the claims of the key that opens the session, and an
assertion that an issuer registered for this agent and environment signed at most ten minutes ago.
A field of a request never names anybody. What both say must be the same; the session keeps the two
together, tells them in `SessionOpened`, whose body can be erased, and never changes them.

Invariants
- An assertion opens one session: its id is kept with that session, for ever.
- Its issuer counts at the moment of the opening, and its time is right by the database's clock: it
  is not over, and was not issued more than half a minute ahead of that clock.
- Signature, tenant, agent, environment and issuer are checked before anything is written.

Failures
- Any of these is not so: `assertion_refused` with the flaw, and nothing is written.
- Key and issuer differ on an attribute: `principal_conflict` with its name, and nothing is written.
- The answer to the opening was lost: the same idempotency key gets it again; another key with the
  same assertion is refused as one that was used.
"""
