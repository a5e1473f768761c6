"""Aggregates wider than a session that cannot be shared out: counted where all sessions meet.

Upper bounds on what adds up are kept by `slices`. The greatest, the least and the number of
different values, and lower bounds on what adds up, cannot be held in parts: whether one more call
keeps them depends on which values are there. They are kept by a *tally*: one tool's values at one
path, for one window, of one agent, principal or tenant, in one environment. As with an allowance,
the bounds are no part of it, and the two have one way to make an id.

A *mark* is what one call gives to a tally. It is written with the grant, learns the time of its
commit with the commit, and is taken away when the call is released: by a settled failure, or when
it is known that it was never begun. So a mark is there for as long as its call counts; what has
left the window is taken away by and by.

The policy decides as it does for every aggregate: on what the session's own calls come to, and on
what those of others were last told to. It says what it found, bound by bound: a *look*. The
function that writes the decision counts again, at its own clock, and where one look finds anything
else it answers `redo` with what others come to now. What others are told to is small: the extreme,
the sum as far as it matters, or the number of different values and which of those asked are among
them.

Invariants
- A grant is written only if every bound that its contract has on a tally is kept, in the statement
  that writes it; a denial that rests on such a bound only if it is not.
- Grants that mark the same tally come one after the other: each has its locks before it counts,
  and keeps them until its marks are seen. A settlement takes no such lock. It never makes a grant
  wrong that came before it, and a grant that does not see it yet comes before it.
- An upper bound counts what is open too, a lower one only what is committed; for the least value
  it is the other way round. So each holds with the open calls and without them.
- Nothing that is open or unknown leaves a tally by time.
- A session that only records looks at tallies, with its own calls added by hand, and marks nothing.

The order of locks: session, slices, allowances, tallies by their keys, standing grants, effect
keys. The lock of a tally is one on its key and needs no row, so that nothing is written for it.
What left a window is taken away at the very end, since a settlement frees its effect key before it
touches its marks. Who has waited for any of these is held to the clock once more: a lease, a
request or a decision may have ended meanwhile.

Who waits for that lock has a connection and stands under the tenant's gate. So calls go through a
lane of their process before (`lanes`), a few of each tally at a time: others keep their
connections, and a kill waits for few. A second is the most that is waited there; then the call is
refused with `request_in_progress`, and nothing was decided. Lanes are no guard: the lock is.

What it costs: only calls of tools with such a rule pay. The greatest and the least are one look
into an index; different values one for each, up to the bound and 10,000 at most; a sum those marks
that it takes to reach the bound, the largest first, and 100,000 at most: where so many do not reach
it, nothing is decided (`allowance_full`).
"""
