"""The client for people and their tools: everything that is done at the desk, as typed calls.

- `client`: `Studio`, one service and one person's API key. Each noun of the studio is a property
  of it and a small class in a file of its own.
- `door`: how each of them asks: once, page by page, or as bytes.

Invariants. Answers are the service's own Structs, and refusals are raised in the service's own
classes. A request that changes something carries an idempotency key, and a lost answer is asked for
again with the same one, so that nothing is done twice. Whoever wants to survive a crash of their
own process gives the key themselves.

What failures lead to. What the service refuses is raised at once, and nothing was done. No answer:
`GovernanceUnavailable`, and it is unknown whether it was done; the same call with the same
idempotency key tells. Nothing here signs: a signature is made where the private key is, over bytes
that were looked at first.
"""
