"""Closing a session: no new calls, and what waits for approval is cancelled.

The holder of the lease closes its session; an operator may close one without the lease. Whatever is
granted or unknown stays so and is still reported and settled; once nothing is left open the session
is `completed`, in the same transaction where nothing was open to begin with.

Closing twice is one close. A session that was killed, has expired or was compromised has ended
already and is not closed: its status is the answer. Nor is one whose approval was revoked; one
whose approval merely expired may be brought to its end.

Failures: an answer that was lost is given again, whatever fence the repeat comes with, and nothing
more happens. Against a kill the session's lock decides who is first.
"""
