"""Which asks standing grants answer: pure values."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from types import FrameType
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.replay.asks.test_rules import PARTIAL, WHOLE

from placet.kernel.canonical import canonical
from placet.policy.decision import Ask
from placet.policy.facts import Call, Facts
from placet.policy.loaded import Policy
from placet.policy.standing import checkpoint_hash, schema_hash
from placet.replay.asks.rules import checkpoint_of
from placet.replay.standing.model import PER_TOOL_MAX, StandingFact
from placet.replay.standing.rules import LOOK_NS, RESPONSE_NS_MAX, evaluate_standing

FACTS = Facts(now=datetime(2026, 1, 1, tzinfo=UTC), phase="intake")
ONE, OTHER, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)
HOLDING = UUID(int=7)
CASES = StandingFact(
    standing_id=HOLDING,
    tool="hold_case",
    rules=canonical([{"path": "$.case", "one_of": ["c1", "c2"]}]).decode(),
    schema_hash=schema_hash(PARTIAL.tools["hold_case"]),
    checkpoint_hash=checkpoint_hash(checkpoint_of(PARTIAL, "hold_case")),
    left=5,
)


def hold(call_id: UUID, case: str) -> Call:
    return Call(tool="hold_case", arguments=f'{{"case":"{case}"}}'.encode(), call_id=call_id)


def answered(
    policy: Policy, *calls: Call, by: StandingFact = CASES
) -> tuple[list[bool], set[UUID]]:
    decision, found = evaluate_standing(policy, FACTS, calls, [by])
    return [verdict.granted for verdict in decision.calls], set(found)


def test_a_call_that_keeps_all_rules_is_granted_and_its_neighbour_is_asked_about() -> None:
    assert answered(PARTIAL, hold(ONE, "c1"), hold(OTHER, "c3")) == ([True, False], {ONE})


def test_it_answers_for_no_more_calls_than_it_has_left() -> None:
    spent = replace(CASES, left=1)
    assert answered(PARTIAL, hold(ONE, "c1"), hold(OTHER, "c2"), by=spent)[0] == [True, False]


def test_a_whole_response_is_answered_as_a_whole_or_not() -> None:
    assert answered(WHOLE, hold(ONE, "c1"), hold(OTHER, "c3")) == ([False, False], set())
    assert answered(WHOLE, hold(ONE, "c1"), hold(OTHER, "c2"))[0] == [True, True]


def test_what_is_refused_with_the_yes_as_a_fact_counts_as_no_use() -> None:
    granted, found = answered(PARTIAL, hold(ONE, "c1"), hold(OTHER, "c1"))
    assert (granted, found) == ([True, False], {ONE})


@pytest.mark.parametrize(
    "other",
    [
        replace(CASES, schema_hash=None),
        replace(CASES, schema_hash="00" * 32),
        replace(CASES, checkpoint_hash="00" * 32),
        replace(CASES, tool="escalate"),
        replace(CASES, left=0),
        replace(CASES, rules=canonical([{"path": "$.other", "exists": True}]).decode()),
        replace(
            CASES,
            rules=canonical([{"path": "$.case", "equals": "c1", "not_equals": "c1"}]).decode(),
        ),
    ],
    ids=["no schema", "another schema", "other people", "another tool", "spent", "no such", "one"],
)
def test_it_answers_nothing_that_it_was_not_signed_for(other: StandingFact) -> None:
    decision, found = evaluate_standing(PARTIAL, FACTS, [hold(ONE, "c1")], [other])
    assert isinstance(decision.calls[0].decision, Ask)
    assert found == {}


def counted(
    policy: Policy, calls: Sequence[Call], standing: Sequence[StandingFact]
) -> Counter[str]:
    """Return how often each function was called while a response was judged."""
    seen: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen[frame.f_code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        decision, found = evaluate_standing(policy, FACTS, calls, standing)
    finally:
        sys.setprofile(before)
    assert all(isinstance(verdict.decision, Ask) for verdict in decision.calls)
    assert found == {}
    return seen


def nearly(number: int) -> StandingFact:
    """Return a standing grant of which all rules but the last hold."""
    rules = [{"path": "$.case", "length_gte": 1, "not_equals": f"no {number}"}] * 31
    rules.append({"path": "$.case", "equals": f"never {number}"})
    return replace(CASES, standing_id=UUID(int=number), rules=canonical(rules).decode())


def test_looking_for_answers_is_bounded_whatever_stands_and_however_much_is_asked() -> None:
    calls = [hold(UUID(int=1 + number), f"n{number}") for number in range(128)]
    few, many = [nearly(1)], [nearly(number) for number in range(1, 1_501)]
    alone = counted(PARTIAL, calls, few)
    crowd = counted(PARTIAL, calls, many)
    assert crowd["Operator.fault"] <= RESPONSE_NS_MAX // LOOK_NS
    assert crowd["Operator.fault"] > alone["Operator.fault"]
    assert crowd["parse"] == alone["parse"]
    assert crowd["checkpoint_hash"] == alone["checkpoint_hash"] == 1
    assert crowd["_Looked.holds"] <= PER_TOOL_MAX * len(calls)


def test_a_path_that_passes_by_much_is_not_followed_and_the_call_is_asked_about() -> None:
    long = ",".join(["1"] * 60_000)
    call = Call(
        tool="hold_case", arguments=f'{{"case":"c1","more":[{long}]}}'.encode(), call_id=ONE
    )
    rules = [{"path": "$.more[*]", "equals": 1}]
    every = replace(CASES, rules=canonical(rules).decode())
    assert counted(PARTIAL, [call], [every])["_step"] == 0
    assert evaluate_standing(PARTIAL, FACTS, [call], [CASES])[1] == {ONE: HOLDING}
