"""Whole steps in one round trip: what two requests would do, in one commit.

A receipt may carry the next preflight: the receipt is kept, and the next request is prepared on the
facts that it leads to. What becomes of the preflight never touches the receipt; where it cannot be
made on those facts it is made apart, and where it is refused the answer has none, so that whoever
asks for it again is told why.

Calls at once are for callers with no model turn of their own, proxies and hooks: the prepared
request and the calls are written together or not at all, and every check of both is kept. The
prepared request and the calls get ids that follow from the session and the `Idempotency-Key`. The
same key with the same body again gets the first answer, from the holder who got it; another body or
another holder is `idempotency_conflict`, and nothing is written.
"""
