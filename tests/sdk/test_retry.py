"""Whether a request goes out again, and when."""

import pytest

from placet.kernel.refusals import (
    GovernanceUnavailable,
    IdempotencyConflict,
    RateLimited,
    Refusal,
    RequestInProgress,
)
from placet.replay.sessions.refusals import LeaseHeld, LeaseLost, StaleControl, StaleState
from placet.sdk.retry import Patience, Tried, Trouble, chance, decide_pause, trouble_of

PATIENCE = Patience(total=10.0, attempt=2.0, pause=0.1, pause_max=2.0)
UNLUCKY = 0.999_999


@pytest.mark.parametrize(
    ("refusal", "trouble"),
    [
        (RequestInProgress, Trouble.AGAIN),
        (StaleState, Trouble.AGAIN),
        (RateLimited, Trouble.WAIT),
        (GovernanceUnavailable, Trouble.WAIT),
        (StaleControl, Trouble.REFUSED),
        (LeaseLost, Trouble.REFUSED),
        (IdempotencyConflict, Trouble.REFUSED),
        (Refusal, Trouble.REFUSED),
    ],
)
def test_only_a_refusal_that_asks_for_it_is_tried_again(
    refusal: type[Refusal], trouble: Trouble
) -> None:
    assert trouble_of(refusal.action) is trouble


def test_another_holders_lease_is_waited_for() -> None:
    action = LeaseHeld.action
    assert action.value == "wait"


def test_a_refused_request_is_never_sent_again() -> None:
    assert decide_pause(Trouble.REFUSED, PATIENCE, Tried(attempts=1, elapsed=0.0), 0.0) is None


@pytest.mark.parametrize("trouble", [Trouble.NO_ANSWER, Trouble.AGAIN, Trouble.WAIT])
def test_pauses_double_up_to_their_bound_and_jitter_takes_at_most_half(trouble: Trouble) -> None:
    pauses = [
        (
            decide_pause(trouble, PATIENCE, Tried(attempts=attempts, elapsed=0.0), 0.0),
            decide_pause(trouble, PATIENCE, Tried(attempts=attempts, elapsed=0.0), UNLUCKY),
        )
        for attempts in (1, 2, 3, 20, 5_000)
    ]
    assert [low for low, _ in pauses] == [0.05, 0.1, 0.2, 1.0, 1.0]
    assert [high for _, high in pauses] == pytest.approx([0.1, 0.2, 0.4, 2.0, 2.0], rel=1e-5)


def test_a_service_that_says_when_to_come_back_is_not_asked_sooner() -> None:
    tried = Tried(attempts=1, elapsed=0.0, retry_after=3)
    pause = decide_pause(Trouble.WAIT, PATIENCE, tried, 0.0)
    assert pause is not None
    assert pause > 3


def test_a_pause_that_would_end_after_the_patience_is_not_begun() -> None:
    assert decide_pause(Trouble.WAIT, PATIENCE, Tried(attempts=1, elapsed=9.9), UNLUCKY) is not None
    assert decide_pause(Trouble.WAIT, PATIENCE, Tried(attempts=1, elapsed=9.96), 0.0) is None
    late = Tried(attempts=1, elapsed=0.0, retry_after=10)
    assert decide_pause(Trouble.WAIT, PATIENCE, late, 0.0) is None


def test_no_patience_is_one_attempt() -> None:
    tried = Tried(attempts=1, elapsed=0.0)
    assert decide_pause(Trouble.NO_ANSWER, Patience(total=0.0), tried, 0.0) is None


def test_chance_runs_from_nought_up_to_one() -> None:
    assert chance(b"\x00\x00\x00\x00") == 0.0
    assert chance(b"\x80\x00\x00\x00") == 0.5
    assert 0.999 < chance(b"\xff\xff\xff\xff") < 1.0
