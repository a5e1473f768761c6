"""The outbox: what waits to be told to an endpoint, and what became of it.

`due` -> `delivered`, or `dead` once it was tried for 24 hours; an operator turns `dead` into `due`
(release) or `skipped` (skip, which is an event). What waits for an endpoint that was removed is
`dropped`. A dead letter parks its stream for that endpoint: nothing later of the same stream goes
out there before it is released or skipped, or the order would be broken.

A sender claims what is due for a short time, sends without any transaction, and marks what came of
it under the number of its claim. One who died leaves a claim that runs out, and the event is sent
again under the same id.

Invariants
- A row is written in the transaction of its event, by a trigger, or neither is.
- At most one delivery of a stream to an endpoint is claimed at a time: only the first that is
  neither delivered, skipped nor dropped can be.
- A mark counts only under the claim that it belongs to.

Failures
- Releasing or skipping what is not parked: `webhook_delivery_not_parked`, with its status.
- An event whose body was erased meanwhile is told without its data.
"""
