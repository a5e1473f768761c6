"""Forks: a new stream that begins where another stood at some event.

A fork copies nothing. Its first event is `StreamForked`, which names the origin, the sequence and
the leaf there, so that the fork's own chain covers where it came from; `event_fork` repeats that
for whoever follows the line of origins. What was before the fork is read in the origin, whose
events never change; so a fork needs no lock on its origin and may be made while others append.

Authority never forks. What is forked from a session, or from any stream that tells of authority,
can be read as of that event and takes no event of its own, and neither does a fork of such a fork.
Only a run's fork goes on. Whatever its writers say stands under the fork's own stream in every
leaf, so nothing of it can be taken for an event of the origin.

Failures: a fork of an event that is not there is refused, and so is one that would stand more than
`DEPTH_MAX` forks away from its first origin.
"""
