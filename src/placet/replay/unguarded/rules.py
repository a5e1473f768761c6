"""What a report of unguarded calls leads to."""

from datetime import datetime

from placet.kernel.value import Value
from placet.policy.loaded import Policy
from placet.replay.calls.events import LimitReached, UnguardedReported
from placet.replay.calls.fold import evolve
from placet.replay.calls.leaving import stop_of
from placet.replay.sessions.model import SessionMode, SessionStopped
from placet.replay.sessions.state import SessionState


class Reported(Value, frozen=True):
    """The facts after a report, the events that lead there, and the limit that stops, if any."""

    after: SessionState
    said: tuple[Value, ...]
    stop: str | None = None


def decide_unguarded(
    policy: Policy, state: SessionState, mode: SessionMode, calls: int, since: datetime | None
) -> Reported:
    """Return what becomes of a session of which so many unguarded calls are told."""
    told = UnguardedReported(calls=calls, since=since)
    after = evolve(state, told)
    limit = stop_of(policy, after)
    if limit is None or state.stopped is not None:
        return Reported(after=after, said=(told,))
    if mode is SessionMode.SHADOW:
        reached = LimitReached(limit=limit)
        return Reported(after=evolve(after, reached), said=(told, reached))
    stopped = SessionStopped(reason=limit, limit=limit)
    return Reported(after=after, said=(told, stopped), stop=limit)
