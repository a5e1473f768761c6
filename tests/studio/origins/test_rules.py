"""Three contracts into one, without a database."""

import itertools
from copy import deepcopy
from typing import Any

import pytest
from tests.studio.story import LOOKUP, REFUND, contract

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.model import Contract
from placet.studio.drafts.places import rule_id, rules_of
from placet.studio.origins.rules import merge_contracts
from placet.studio.snapshots.rules import read_memory

TODAY = {"name": "today", "tool": "issue_refund", "op": "count", "lte": 9}
SUPPORT: Json = {"effect": "allow", "tools": ["*"], "where": {"department": "support"}}
SALES: Json = {"effect": "allow", "tools": ["*"], "where": {"department": "sales"}}
LEGAL: Json = {"effect": "allow", "tools": ["*"], "where": {"department": "legal"}}
BASE = contract(
    limits={"max_steps": 40, "max_seconds": 60, "max_calls_per_tool": {"issue_refund": 3}},
    principals=[SUPPORT],
    aggregates=[TODAY],
    gate="strip_partial",
    transitions={"a": ["b"]},
)


def changed(*steps: object, to: object = None, base: dict[str, Any] = BASE) -> dict[str, Any]:
    """Return the base with another value at some steps, or without one there."""
    document = deepcopy(base)
    here: Any = document
    for step in steps[:-1]:
        here = here[step]
    if to is None:
        del here[steps[-1]]
    elif isinstance(here, list) and steps[-1] == len(here):
        here.append(to)
    else:
        here[steps[-1]] = to
    return document


def merged(ours: dict[str, Any], theirs: dict[str, Any]) -> Any:  # noqa: ANN401 -- any JSON
    return merged_from(BASE, ours, theirs)


def merged_from(base: Any, ours: Any, theirs: Any) -> Any:  # noqa: ANN401 -- any JSON
    document, found = merge_contracts(base, ours, theirs)
    assert found == []
    assert isinstance(read_memory(foreign.encode(document)), Contract) or not document["tools"]
    return document


def conflicts(ours: dict[str, Any], theirs: dict[str, Any]) -> list[tuple[str, Any, Any, Any]]:
    _, found = merge_contracts(BASE, ours, theirs)
    return [(each.place, each.base, each.ours, each.theirs) for each in found]


CHANGES = {
    "a limit": changed("session", "limits", "max_steps", to=41),
    "a removed limit": changed("session", "limits", "max_seconds"),
    "a tool's limit": changed("session", "limits", "max_calls_per_tool", to={"issue_refund": 2}),
    "the gate": changed("session", "gate", to="strip_blocked"),
    "no gate": changed("session", "gate"),
    "a principal": changed("session", "principals", 1, to=SALES),
    "an aggregate": changed("session", "aggregates", 0, to=TODAY | {"lte": 8}),
    "another aggregate": changed("session", "aggregates", 1, to=TODAY | {"name": "week"}),
    "a transition": changed("session", "transitions", "b", to=["a"]),
    "a decision": changed("tools", 0, "decision", to="deny"),
    "a bound": changed("tools", 1, "arguments", 0, "lte", to=40000),
    "another bound": changed("tools", 1, "arguments", 0, "gte", to=2),
    "a rule": changed("tools", 1, "arguments", 1, to={"path": "$.order_id", "matches": "^o"}),
    "another tool": changed("tools", 2, to=LOOKUP | {"tool": "third"}),
    "a schema": changed("tools", 0, "input_schema", to=True),
    "a path less to key": changed("tools", 1, "effect_key"),
}


def places_changed(document: dict[str, Any]) -> dict[str, bytes | None]:
    before, after = rules_of(BASE), rules_of(document)
    return {
        place: after.get(place) for place in before | after if before.get(place) != after.get(place)
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [pair for pair in itertools.permutations(CHANGES, 2) if set(pair) != {"the gate", "no gate"}],
)
def test_changes_of_different_places_are_both_taken_and_nothing_else(
    ours: str, theirs: str
) -> None:
    document = merged(CHANGES[ours], CHANGES[theirs])
    expected = places_changed(CHANGES[ours]) | places_changed(CHANGES[theirs])
    assert places_changed(document) == expected


@pytest.mark.parametrize("name", CHANGES)
def test_a_side_that_changed_nothing_takes_the_other_byte_for_byte(name: str) -> None:
    change = CHANGES[name]
    for ours, theirs in ((change, BASE), (BASE, change), (change, change)):
        assert foreign.encode(merged(ours, theirs)) == foreign.encode(change)


@pytest.mark.parametrize(
    ("steps", "ours", "theirs", "found"),
    [
        (
            ("session", "limits", "max_steps"),
            41,
            42,
            ("$.session.limits.max_steps", "40", "41", "42"),
        ),
        (
            ("session", "gate"),
            None,
            "strip_blocked",
            ("$.session.gate", '"strip_partial"', None, '"strip_blocked"'),
        ),
        (
            ("tools", 1, "arguments", 0, "lte"),
            40000,
            None,
            ("$.tools.issue_refund.arguments['$.amount_cents'].lte", "50000", "40000", None),
        ),
        (
            ("session", "transitions", "a"),
            ["a"],
            [],
            ("$.session.transitions.a", '["b"]', '["a"]', "[]"),
        ),
        (
            ("tools", 0, "decision"),
            "deny",
            "ask",
            ("$.tools.lookup_order.decision", '"allow"', '"deny"', '"ask"'),
        ),
    ],
)
def test_a_place_that_both_changed_is_a_conflict_with_all_three(
    steps: tuple[object, ...], ours: object, theirs: object, found: tuple[str, ...]
) -> None:
    pair = changed(*steps, to=ours), changed(*steps, to=theirs)
    assert conflicts(*pair) == [found]


def test_a_tool_that_one_side_took_out_and_the_other_changed_is_a_conflict_as_a_whole() -> None:
    gone, denied = changed("tools", 0), changed("tools", 0, "decision", to="deny")
    ((place, base, ours, theirs),) = conflicts(gone, denied)
    assert (place, ours) == ("$.tools.lookup_order", None)
    assert base == foreign.encode(LOOKUP).decode() != theirs
    ((_, _, _, theirs),) = conflicts(denied, gone)
    assert theirs is None
    assert [tool["tool"] for tool in merged(gone, BASE)["tools"]] == ["issue_refund"]


def test_a_tool_that_both_added_in_two_ways_is_a_conflict_and_in_one_way_is_none() -> None:
    third = LOOKUP | {"tool": "third"}
    ours, theirs = (changed("tools", 2, to=third | more) for more in ({}, {"decision": "deny"}))
    ((place, base, _, _),) = conflicts(ours, theirs)
    assert (place, base) == ("$.tools.third", None)
    assert merged(ours, deepcopy(ours)) == ours


def test_a_nameless_rule_that_both_replaced_in_two_ways_is_a_conflict() -> None:
    ours, theirs = (changed("session", "principals", 0, to=rule) for rule in (SALES, LEGAL))
    ((place, base, one, other),) = conflicts(ours, theirs)
    assert place == f"$.session.principals['{rule_id(SUPPORT)}']"
    assert base is not None
    assert "sales" in (one or "")
    assert "legal" in (other or "")
    gone = changed("session", "principals", 0)
    assert merged(ours, gone)["session"]["principals"] == [SALES]


def test_every_conflict_is_told_in_order() -> None:
    ours = changed("tools", 0, "decision", to="deny", base=CHANGES["a limit"])
    theirs = changed("tools", 0, "decision", to="ask")
    theirs["session"]["limits"]["max_steps"] = 50
    assert list(ours)[-2:] == ["tools", "session"]
    assert [place for place, *_ in conflicts(ours, theirs)] == [
        "$.session.limits.max_steps",
        "$.tools.lookup_order.decision",
    ]


def test_rules_on_one_path_keep_the_grouping_of_the_side_that_changed_them() -> None:
    refund = REFUND | {
        "arguments": [{"path": "$.amount_cents", "gte": 1}, {"path": "$.amount_cents", "lte": 9}]
    }
    ours = contract(LOOKUP, refund)
    base = contract(LOOKUP, REFUND | {"arguments": [{"path": "$.amount_cents", "gte": 1}]})
    theirs = deepcopy(base)
    theirs["tools"][1]["arguments"].append({"path": "$.order_id", "matches": "^o"})
    assert merged_from(base, ours, theirs)["tools"][1]["arguments"] == [
        *refund["arguments"],
        {"path": "$.order_id", "matches": "^o"},
    ]


def test_the_order_of_parts_is_ours_with_theirs_behind() -> None:
    reordered = deepcopy(BASE)
    reordered["tools"].reverse()
    theirs = CHANGES["another tool"]
    names = [tool["tool"] for tool in merged(reordered, theirs)["tools"]]
    assert names == ["issue_refund", "lookup_order", "third"]


def test_two_tools_that_each_side_took_out_leave_none() -> None:
    neither = merged_from(BASE, changed("tools", 0), changed("tools", 1))
    assert neither["tools"] == []


def test_three_contracts_of_no_tools_have_none_together() -> None:
    empty: dict[str, Any] = {"schema_version": "1", "agent": "a", "tools": []}
    ours, theirs = empty | {"session": {"gate": "strip_blocked"}}, empty | {"session": {}}
    assert merged_from(empty, ours, theirs) == ours
