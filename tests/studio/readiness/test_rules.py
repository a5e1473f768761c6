"""Whether enough was observed: the numbers at their edges."""

import pytest

from placet.studio.readiness import rules
from placet.studio.readiness.model import Thresholds

ASKED = Thresholds(calls_min=20, confidence_percent=95)


def enough(*calls: int, asked: Thresholds = ASKED) -> bool:
    return rules.is_enough(rules.observed(calls, 1), asked)


def test_twenty_calls_are_enough_and_nineteen_are_not() -> None:
    assert enough(20)
    assert not enough(19)


def test_one_surprise_in_twenty_calls_is_borne_and_two_are_not() -> None:
    assert enough(19, 1)
    assert not enough(18, 1, 1)
    assert enough(38, 1, 1)


def test_a_tool_that_was_listed_and_never_called_counts_for_nothing() -> None:
    seen = rules.observed([20, 0, 0], 2)
    assert (seen.calls, seen.tools, seen.tools_seen_once, seen.sources) == (20, 1, 0, 2)
    assert enough(20, 0, 0)


def test_without_a_call_nothing_is_enough_whatever_is_asked() -> None:
    assert not enough(asked=Thresholds(calls_min=1, confidence_percent=0))
    assert rules.observed([], 0).confidence == "0.0000"


@pytest.mark.parametrize(
    ("calls", "told"),
    [((2,), "1.0000"), ((1,), "0.0000"), ((2, 1), "0.6666"), ((199, 1), "0.9950")],
)
def test_confidence_is_told_with_four_places_rounded_down(
    calls: tuple[int, ...], told: str
) -> None:
    assert rules.observed(calls, 1).confidence == told
