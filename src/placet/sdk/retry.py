"""Whether a request is sent again, and after how long. Pure; time and chance are arguments.

Every request of this client may be sent twice: the service knows it by an id inside it and gives
its first answer. So a lost answer, a time-out and a broken gateway all lead to the same request
again. A tool is never run again by anything here.
"""

from enum import StrEnum
from typing import Final

from placet.kernel.refusals import Action
from placet.kernel.value import Value

_SPREAD: Final = 2**32


class Patience(Value, frozen=True):
    """How long one request is tried. Times in seconds.

    `total` bounds the waiting for all attempts together, `attempt` one of them. Pauses start at
    about `pause`, double, and never pass `pause_max`.
    """

    total: float = 15.0
    attempt: float = 5.0
    pause: float = 0.1
    pause_max: float = 2.0


class Trouble(StrEnum):
    """How an attempt ended without what was asked for."""

    NO_ANSWER = "no_answer"
    AGAIN = "again"
    WAIT = "wait"
    REFUSED = "refused"


def trouble_of(action: Action) -> Trouble:
    """Return what a refusal's `action` makes of an attempt."""
    match action:
        case Action.RETRY_SAME:
            return Trouble.AGAIN
        case Action.WAIT:
            return Trouble.WAIT
        case Action.RELOAD | Action.NEW_PREFLIGHT | Action.STOP:
            return Trouble.REFUSED


def chance(four_bytes: bytes) -> float:
    """Return a number from 0 up to 1 out of four unpredictable bytes."""
    return int.from_bytes(four_bytes[:4], "big") / _SPREAD


class Tried(Value, frozen=True):
    """What has been tried: how often, for how many seconds, and when the service says to come."""

    attempts: int
    elapsed: float
    retry_after: float | None = None


def decide_pause(trouble: Trouble, patience: Patience, tried: Tried, luck: float) -> float | None:
    """Return the seconds to wait before the same request goes out again, or none: give up.

    `luck` is a number from 0 up to 1. A service that says when to come back is not asked sooner;
    the jitter is added to that. A pause that would end after the patience is not begun.
    """
    if trouble is Trouble.REFUSED:
        return None
    doubled = min(patience.pause * 2.0 ** min(tried.attempts - 1, 30), patience.pause_max)
    pause = doubled * (0.5 + luck / 2)
    if tried.retry_after is not None:
        pause += tried.retry_after
    return pause if tried.elapsed + pause < patience.total else None
