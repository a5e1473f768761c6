"""Calls that ran without a grant, told afterwards.

Where the environment allows it, tools run although nobody answers. Once the service is back, the
agent tells how many calls that were, and since when. A key of the agent is enough: whoever lost its
lease meanwhile has the more to tell.

The number is a fact of the session. Where it reaches the contract's `max_unguarded_calls`, the
session is stopped in the same commit, and its event names the limit; a session that only records
keeps that it would have been. A session that has ended keeps the number too, and stays what it is.

Failures: told twice under one `Idempotency-Key`, it counts once, and the first answer is given
again; another body under that key is `idempotency_conflict`. Nothing is told where this fails, so
that the same may be sent until it is answered.
"""
