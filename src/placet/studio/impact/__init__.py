"""What a contract under review would have said to what its agent really did.

The calls that were recorded in a window are held twice, session by session, to the candidate and to
what is in force now, by the same simulation that `placet policy simulate` runs. Each call falls in
one of three: both say the same, the verdict flips, or it cannot be judged. Without anything in
force, the candidate is compared with what was decided at the time.

    recordings -> sharing -> worker: judging (each session) -> report -> stored by candidate, window

Invariants
- Nothing is enforced, and nothing that the agent can see changes.
- Every call of the window is counted once: `same`, one of the `flips`, or `unjudged`. Of a session
  that was opened before the window the earlier calls are judged too, for what rests on them, and
  not counted; one that was opened more than 30 days before it is not looked at.
- The same candidate, the same authority and the same window give the same report, byte for byte:
  a window ends at a moment, and nothing that happened at or after it is read.
- No example shows what a rule of either side redacts, or what looks like a secret.
- The event loop is never held, and no call that an agent makes waits for a thread that judges: the
  calls are read a few hundred at a time and judged in worker processes, at most two, which have one
  preview at a time between them. How they are shared among the workers changes no byte.
- A worker is started when it is first needed. It is given what it judges by a pipe, and nothing
  else: no connection, no key, no variable of the service. It has a bound on its memory, gives way
  to other processes, and ends with the service, with its pipe, or after two minutes without work.

What cannot be judged, and why: `earlier_call` (a denial that would not stand if an earlier call,
which was not made or whose outcome is not known, had been committed), `output` (the denial looks at
an output that was not kept), `arguments` (there was too much of them to be read), `principal` (a
rule asks for whom the agent acted, which no recording has). Rules about facts that no recording has
at all are named in `unrecorded`: what they would have denied, nobody can count.

Failures
- A candidate that is no contract, or has errors: `candidate_invalid`, with the findings. That the
  service cannot enforce a rule yet is no such error.
- Another preview holds the only place for too long: `preview_busy`, with a time to come back.
- A worker ends before it has answered: `preview_broken`; all workers of that preview are ended, and
  the next preview starts new ones. So it is where the service ends meanwhile.
- Judging takes too long: `preview_too_costly`; nothing is stored, since a report that was cut off
  by a clock would not be the same again. Fewer calls may be asked for.
- An artifact in force that this version cannot load: compared with what was decided at the time.
"""
