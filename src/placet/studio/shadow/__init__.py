"""A candidate evaluated beside the artifact in force, from what agents do, as they do it.

    running -> ended: stopped (by somebody) | approved | superseded | abandoned | ran_out

A shadow names one snapshot and the artifact in force at its start. Workers follow the event streams
of the sessions that run under that artifact, each by a cursor. Every call that was proposed since
the start is held to both contracts, by the same comparison as an impact preview, and counted by
tool and by the two verdicts, with the first call of each kind as an example.

Invariants
- Nothing is enforced, nothing that an agent asks waits for a shadow, and no session knows of one.
- A workspace has at most one running shadow; a newer one supersedes it.
- A call is counted once, whatever dies in between and however many workers run: its count and the
  cursor that passed it are written in one transaction, under the shadow's row, and the cursor only
  moves from where it was when the calls were judged.
- The verdict on a call depends on the session's beginning up to it, never on when a worker looked.
- Counts are derived and may be thrown away: they have no events of their own. Start and end have,
  and the end tells the counts.

What ends one: somebody; its candidate in force (`approved`); something else in force, nothing any
more, or another shadow (`superseded`); its draft replaced (`superseded`); its draft given up, or
its workspace archived (`abandoned`); `DAYS_MAX` days (`ran_out`). A worker writes the end down when
it comes by, and counts no call after.

Break-glass ends none: what is activated for a while takes nothing from what is in force beneath it,
and sessions that are opened under it run under another artifact, which no shadow follows. One that
is started meanwhile is put beside what is in force beneath.

The lag is shown: events that nobody has looked at yet, and how long the oldest of them has waited.
Of a session, the first `CALLS_MAX` calls are judged, as long as their arguments and outputs have
64 MiB at most; later ones are `left_out`. So are the new calls of a session that cannot be judged
within 20 seconds: a worker says so in its log, and leaves that session out for as long as it runs.

A session is read again from its beginning whenever it has new calls that are judged, since what
became of its earlier ones may have changed; one with more calls than that is not read any more.

Failures
- Nothing in force: `nothing_in_force`. A candidate that is no contract: `candidate_invalid`. A
  draft that is not open any more: `draft_closed`.
- A worker that dies delays the counts and loses none. A session that cannot be judged comes round
  again and keeps no other waiting.
"""
