"""Aggregates wider than a session, held to their bounds by slices.

An aggregate of the scope `agent`, `principal` or `tenant` adds up the calls of many sessions. What
is added up is an *allowance*: one tool's values at one path, for one window, of one agent,
principal or tenant, in one environment. Its bound is no part of it, since an approval may change
that while sessions go on under the one before.

Every session that takes from an allowance has a *slice* of it, in a row of its own:

- `used` is what its calls take: granted, unknown and committed ones, all but settled failures;
- `held` is what it has fetched from the parent and not used, so that its next calls need not go
  there.

A grant takes from what its own slice holds. Where that is not enough, it locks the parent, adds up
what all sessions take and hold, and fetches what it lacks and an eighth of what is left then: only
as long as an eighth is as much as it needed, so that the last of an allowance goes in single
amounts. Where not enough is left, it first calls back what other sessions hold and do not use; a
slice that is being used at that moment is passed over. What still does not fit is not granted: the
function answers `redo` with what the others' calls take, and the policy denies in layer 9 as it
does for every aggregate.

What was passed over may have been enough, so that the policy allows again. The last two attempts
therefore first wait until each slice in use is free, before they lock any slice or the parent.
Then it fits, or what the others' calls take now denies it. Who waits longer than a lock is waited
for, or meets a slice in use again after that, is refused `request_in_progress`: the same is to be
sent again, and nothing was decided.

With a window, what counts is added up from the calls that are open or were committed within it;
without one, the parent keeps the sum. Adding up takes longer the more calls count, under the
parent's lock: about a quarter of a microsecond for each. At most 100,000 are added up: where so
many count, each fetch is refused `allowance_full` until some have left the window or failed. What
slices hold by then may still be used.

Invariants
- What the calls of all sessions take and what their slices hold, together, rises only by a fetch,
  and no fetch takes it beyond the bound in the contract of the session that fetches.
- Without a window, the parent's `reserved` is the sum of all slices' `used` and `held`, and a
  slice's `used` is the sum of its calls that were not released.
- Nothing that is open or unknown ever leaves an allowance by time.
- Whatever is fetched ends once: used by a call, called back by another session, or given back at
  the end of its own. A value is released once, with the failure of its call.
- Others' amounts only deny while they are there: a denial that rests on them is written only if
  they take, in the statement that writes, at least what was reckoned with.
- A session that only records looks at allowances and takes nothing.

The order of locks: session, own slices by id, parents by id, effect keys. Others' slices are only
kept locked under the parent's lock, and then never waited for. Who waits for one has locked nothing
but its session, and lets each go before it waits for the next.

Failures
- A settled failure puts its value back into what its slice holds. Not so a committed one under a
  window: it may have left the window already, and what counts no more is not held anew.
- A session's end gives back what its slices hold, without waiting for anybody: what is locked then,
  or freed later, stays held until another session calls it back.
- A crash at any place leaves nothing between: each move is one transaction.
"""
