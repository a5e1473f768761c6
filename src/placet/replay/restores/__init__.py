"""What a raise of the restore epoch does to sessions, and whether what was restored is whole.

The epoch is raised in `authority.recovery`. Then each session of an earlier epoch that has not
ended, or has calls that were granted, comes into the present one, in a transaction of its own
(`session_restore_v1`): its lease is void, what was prepared or granted stands under controls that
are over, what waits for people is cancelled, and of each granted call nobody knows what became of
it. `SessionRestored` and `CallBecameUnknown` tell so in its stream, hence its state is the fold of
its events as before. Its version jumps beyond all that the lost history can have reached, so that
no process decides on what it remembers of that.

- `outside`: what lines of an export tell was stopped or ended. `ends`: ends it again, before
  anything can be granted here; what people alone can end again is kept with the lost range.
- `verify`: events, chains, log and witnessed checkpoints of one tenant, computed anew.
- `service`: brings the sessions of all tenants into the present epoch; where it breaks off, the
  next run goes on. `procedure`: the whole of it, in its order.

Failures
- It breaks off: each end is put in force again by the next run, those of our own keys are told to
  every tenant that was not told of them, then every raise that was not, then sessions come along.
- A receipt settles a call meanwhile: the session is read again.
- The server changes once more: `recovering`, and the epoch has to be raised again.
"""
