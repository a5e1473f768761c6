"""Telling other systems of what happened: an outbox, and signed calls to the tenant's addresses.

`endpoints` are the addresses that a tenant names, each with a secret. `deliveries` are the outbox:
one row for each endpoint and each event that it asked for, written by a trigger on `event`, so in
the transaction of the effect or not at all. `sending` takes what is due, signs it and calls.

What is promised
- Every event of a type that an active endpoint asked for reaches it at least once, under the same
  `webhook-id` each time, or stands in the open as parked until an operator decides.
- Of one stream (a workspace, a session, the tenant's controls) an endpoint gets the events in the
  order of their sequence, one at a time: a later one waits until the earlier one is settled.
- Nothing is called but an address that everybody may reach; no redirect is followed; nothing that
  a receiver answers is kept but its status.
- No governed write waits for a receiver: rows are written where no lock is shared, and sending
  holds neither a transaction nor a connection.

What is not: that a receiver sees an event once, or that events of two streams come in any order.
"""
