"""What a decision looks at in tallies and marks there, and what it makes of what it is told."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from tests.replay.tallies.wide import Bounds, pay, wide
from tests.replay.twofold import policy_of, text

from placet.kernel.principal import Environment
from placet.policy.amounts import Amounts
from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call, Facts
from placet.policy.model import AggregateOp
from placet.policy.series.beyond import Beyond
from placet.policy.wider import is_shared, looked_at
from placet.replay.slices.rules import Whose
from placet.replay.tallies.model import Tallied, ToldPart
from placet.replay.tallies.rules import beyond_of, tallied_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHOSE = Whose(
    tenant_id=UUID(int=1), environment=Environment.STAGING, agent="desk", principal={"id": "ann"}
)


def met(
    document: dict[str, object],
    calls: Sequence[tuple[str, object]],
    recorded: dict[str, Amounts] | None = None,
) -> Tallied | None:
    """Return what a response finds in tallies where no session has done anything yet."""
    policy = policy_of(document)
    asked = [Call(tool=name, arguments=text(given).encode()) for name, given in calls]
    facts = Facts(now=NOW, phase="intake", principal={"id": "ann", "department": "support"})
    verdicts = evaluate_response(policy, facts, asked).calls
    holdings = {
        UUID(int=place): verdict.holding
        for place, verdict in enumerate(verdicts)
        if verdict.holding is not None
    }
    return tallied_of(
        policy, WHOSE, verdicts=verdicts, holdings=holdings, recorded=recorded, now=NOW
    )


@pytest.mark.parametrize(
    ("bounds", "shared", "looked"),
    [
        ({"op": "sum", "lte": 5}, True, []),
        ({"op": "sum", "lte": 5, "gt": 1}, True, ["gt"]),
        ({"op": "count", "gte": 1}, False, ["gte"]),
        ({"op": "max", "lte": 5, "gte": 1}, False, ["gte", "lte"]),
        ({"op": "min", "lt": 5}, False, ["lt"]),
        ({"op": "distinct", "path": "$.to", "gt": 1}, False, ["gt", "lte"]),
    ],
)
def test_each_bound_beyond_a_session_is_shared_out_or_looked_at(
    bounds: Bounds, looked: list[str], *, shared: bool
) -> None:
    (aggregate,) = policy_of(wide(bounds)).aggregates
    assert is_shared(aggregate) is shared
    assert [one.name for one in looked_at(aggregate)] == looked
    assert len(looked) + shared >= len(aggregate.bounds)


def test_a_call_that_is_granted_marks_and_one_that_is_denied_is_looked_at_alone() -> None:
    found = met(wide({"op": "max", "lte": 5}), [pay(4), pay(6)])
    assert found is not None
    assert [mark.value for mark in found.marks] == ["4"]
    assert [(look.values, look.is_kept) for look in found.looks] == [
        (["4"], True),
        (["6", "4"], False),
    ]


def test_what_is_open_stands_beside_upper_bounds_and_not_beside_lower_ones() -> None:
    found = met(wide({"op": "sum", "gte": 3}), [pay(4), pay(3)])
    assert found is not None
    assert [(look.values, look.is_full) for look in found.looks] == [(["4"], False), (["3"], False)]


def test_a_call_without_a_value_is_not_looked_at() -> None:
    assert met(wide({"op": "max", "lte": 5}), [pay("no number")]) is None
    assert met(wide({"op": "max", "scope": "session", "lte": 5}), [pay(4)]) is None


def test_where_all_calls_together_are_too_many_nothing_else_is_asked() -> None:
    document = wide({"op": "max", "lte": 5})
    document["session"]["limits"] = {"max_tool_calls": 1}
    assert met(document, [pay(4), pay(6), pay(3)]) is None


def test_who_only_records_brings_its_own_calls_and_marks_nothing() -> None:
    own = Amounts(AggregateOp.MAX, None)
    own.open(3)
    own.open(1)
    own.commit(1, NOW)
    bounds: Bounds = {"op": "max", "lte": 5, "gte": 2}
    found = met(wide(bounds), [pay(2)], {"wide_0": own})
    assert found is not None
    assert found.marks == []
    assert {look.bound: look.values for look in found.looks} == {
        "lte": ["2", "3", "1"],
        "gte": ["2", "1"],
    }


def test_what_is_told_of_others_counts_and_stays_when_own_calls_are_copied() -> None:
    told = ToldPart(values=["ab" * 32], besides=2)
    amounts = Amounts(AggregateOp.DISTINCT, None)
    amounts.beyond_full = beyond_of(AggregateOp.DISTINCT, told)
    amounts.open(b"\x01")
    there, elsewhere = bytes.fromhex("ab" * 32), b"\x02"
    for series in (amounts, amounts.copy()):
        assert series.together(there, (), is_full=True)(0) == 4
        assert series.together(elsewhere, (), is_full=True)(0) == 5
        assert series.together(elsewhere, (), is_full=False)(0) == 1
    numbers = beyond_of(AggregateOp.MAX, ToldPart(values=["7.5"]))
    assert numbers == Beyond(values=frozenset({Decimal("7.5")}))
