"""Where a tenant wants to be told: addresses, the events asked for, and the secrets that sign.

`active` <-> `disabled`, and from both to `removed`, which is the end. An active endpoint is given
the events that happen from now on. A disabled one is sent nothing and given nothing new; what was
waiting waits, and goes out when it is enabled. What waits for a removed one is dropped.

A secret stands in no database: it is derived from `webhook.key`, a file beside the service's other
keys, and from the endpoint's id and the number of its secret. The row says which file that was, so
that a service which holds another one leaves the endpoint alone. Rotating counts one up; for the
time that was asked for, calls carry both signatures.

    secret = HMAC-SHA256(webhook.key, "placet.webhook_secret.v1" 00 | tenant | endpoint | number)

Invariants
- A secret's text is in the answer that made it and in no other, nor in any event.
- A tenant has at most 20 endpoints that are not removed.
- Every change is an event in the tenant's `tenancy` stream.

Failures
- An address that may never be called: `webhook_url_refused`, with every reason.
- A change to a removed endpoint: `webhook_endpoint_not_found`, as if it had never been.
- A file of another key: nothing is sent until it is put back or the secret is rotated.
"""
