"""Which allowance an aggregate takes from, and what a decision reckons with."""

from typing import Any
from uuid import UUID

import pytest
from tests.replay.slices.purse import purse
from tests.replay.twofold import policy_of

from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.policy.amounts import Amounts
from placet.policy.holding import Holding
from placet.policy.loaded import Policy
from placet.policy.wider import is_wider, most_of
from placet.replay.slices.model import Wide
from placet.replay.slices.rules import Refused, Whose, allowance_of, wide_of

TENANT = UUID(int=1)
CALL, NEXT = UUID(int=7), UUID(int=8)
BOUND: dict[str, object] = {"lte": 100}


def whose(**more: Any) -> Whose:  # noqa: ANN401 -- any field of it
    principal: dict[str, Json] = {"id": "ann"}
    fields = {"tenant_id": TENANT, "environment": Environment.STAGING, "agent": "desk"}
    return Whose(**{**fields, "principal": principal, **more})


def identity(document: dict[str, Any], **more: Any) -> UUID:  # noqa: ANN401 -- any field of it
    policy = policy_of(document)
    one = policy.aggregates[0]
    name = document["session"]["aggregates"][0]["tool"]
    return allowance_of(whose(**more), name, one).allowance_id


def holding(value: int, tool: str = "pay", *, is_committed: bool = False) -> Holding:
    return Holding(
        tool=tool,
        phase=None,
        advances_to=None,
        is_committed=is_committed,
        effect_key=None,
        repeat=None,
        amounts={"paid_0": value},
        firsts={},
        arguments={},
        slots={},
    )


def wide(
    policy: Policy,
    *values: int,
    others: int = 0,
    refused: str = "",
    own: int | None = None,
) -> Wide | None:
    series = None
    if own is not None:
        series = {"paid_0": Amounts(policy.aggregates[0].op, None)}
        series["paid_0"].open(own + others)
    return wide_of(
        policy,
        whose(),
        holdings={UUID(int=7 + n): holding(value) for n, value in enumerate(values)},
        refused=[Refused(tool="pay", code="aggregate_exceeded", rule=refused)] if refused else [],
        others={"paid_0": others} if others else {},
        series=series,
    )


def test_an_allowance_is_known_by_all_that_it_is_but_for_its_bound() -> None:
    plain = identity(purse(BOUND))
    assert identity(purse({"lte": 7})) == plain
    assert identity(purse({"lt": "7.5"})) == plain
    assert identity(purse(BOUND), principal={}) == plain
    others = [
        identity(purse(BOUND), tenant_id=UUID(int=2)),
        identity(purse(BOUND), environment=Environment.PRODUCTION),
        identity(purse(BOUND), agent="other"),
        identity(purse(BOUND | {"scope": "tenant"})),
        identity(purse(BOUND | {"tool": "peek"})),
        identity(purse(BOUND | {"path": "$.total"})),
        identity(purse(BOUND | {"window_seconds": 60})),
        identity(purse(BOUND | {"window_seconds": 61})),
        identity(purse(BOUND | {"name": "other"})),
    ]
    assert len({plain, *others}) == len(others) + 1


def test_a_principal_is_known_by_the_attribute_id_and_not_named() -> None:
    document = purse(BOUND | {"scope": "principal"})
    ann = identity(document)
    assert identity(document, principal={"id": "ann", "department": "support"}) == ann
    assert identity(document, principal={"id": "ben"}) != ann
    assert identity(document, agent="other") == ann
    one = policy_of(document).aggregates[0]
    assert allowance_of(whose(), "pay", one).target is None


def test_a_tenants_allowance_is_the_same_for_all_of_its_agents() -> None:
    document = purse(BOUND | {"scope": "tenant"})
    assert identity(document, agent="other") == identity(document)


@pytest.mark.parametrize(
    ("bounds", "most"),
    [
        ({"lte": 5}, (5, False)),
        ({"lt": 5}, (5, True)),
        ({"lt": 5, "lte": 5}, (5, True)),
        ({"lt": 6, "lte": 5}, (5, False)),
        ({"lt": 5, "lte": 6}, (5, True)),
        ({"gte": 5}, (None, False)),
    ],
)
def test_the_bound_that_is_hardest_to_keep_is_the_one(
    bounds: dict[str, object], most: tuple[int | None, bool]
) -> None:
    assert most_of(policy_of(purse(bounds)).aggregates[0]) == most


def test_only_tools_that_count_beyond_their_session_are_wider() -> None:
    policy = policy_of(purse(BOUND, BOUND | {"tool": "peek", "scope": "session"}))
    assert [is_wider(policy.tools[name]) for name in ("pay", "peek", "note")] == [
        True,
        False,
        False,
    ]
    assert not is_wider(None)


def test_a_decision_that_meets_no_allowance_takes_none() -> None:
    policy = policy_of(purse(BOUND | {"tool": "peek"}))
    assert wide(policy, 5, others=9, refused="session.aggregates[0].lte") is None


def test_every_granted_call_takes_and_a_denial_names_what_it_rests_on() -> None:
    policy = policy_of(purse(BOUND))
    made = wide(policy, 5, 6, others=90, refused="session.aggregates[0].lte")
    assert made is not None
    (one,) = made.allowances
    assert [(t.call_id, t.value, t.allowance_id) for t in made.takes] == [
        (CALL, "5", one.allowance_id),
        (NEXT, "6", one.allowance_id),
    ]
    assert [(look.least, look.most, look.room) for look in made.looks] == [("90", None, None)]


@pytest.mark.parametrize("rule", ["session.aggregates[1].lte", "session.aggregates[0]"])
def test_a_denial_by_another_rule_rests_on_no_others(rule: str) -> None:
    made = wide(policy_of(purse(BOUND)), 5, others=90, refused=rule)
    assert made is not None
    assert made.looks == []


def test_a_denial_that_reckoned_with_no_others_rests_on_none() -> None:
    assert wide(policy_of(purse(BOUND)), refused="session.aggregates[0].lte") is None


def test_what_only_records_takes_nothing_and_says_how_much_others_may_take() -> None:
    made = wide(policy_of(purse(BOUND)), 5, 6, others=20, own=30)
    assert made is not None
    assert made.takes == []
    assert [(look.least, look.most, look.room) for look in made.looks] == [(None, "20", "59")]
