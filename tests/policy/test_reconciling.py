"""What a read says of a call whose outcome is unknown."""

from typing import Any

import pytest

from placet.kernel.foreign import Json
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.model import Contract
from placet.policy.reconciling import LoadedReconcile, Told, read_arguments, told_by
from placet.policy.text.parse import read_contract

COMMON = {
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "none",
    "decision": "allow",
}
RULE: dict[str, Any] = {
    "tool": "look",
    "arguments": {"id": "$.order.id", "first": "$.items[0]"},
    "succeeded_when": [
        {"path": "$.state", "equals": "done"},
        {"path": "$.parts[*].ok", "equals": True},
    ],
    "failed_when": [{"path": "$.state", "one_of": ["none", "done"]}],
}


def rule_of(**changes: object) -> LoadedReconcile:
    document = {
        "schema_version": "1",
        "agent": "x",
        "tools": [
            COMMON | {"tool": "look"},
            COMMON | {"tool": "pay", "reconcile": RULE | changes},
        ],
    }
    contract = read_contract(document)
    assert isinstance(contract, Contract), contract
    rule = load_policy(compile_contract(contract).runtime).tools["pay"].reconcile
    assert rule is not None
    return rule


def test_the_arguments_of_the_read_are_taken_from_those_of_the_call() -> None:
    given: Json = {"order": {"id": "a", "note": "n"}, "items": [3, 4]}
    assert read_arguments(rule_of(), given) == {"id": "a", "first": 3}


def test_a_call_that_lacks_an_argument_of_its_read_cannot_be_read_about() -> None:
    assert read_arguments(rule_of(), {"order": {"id": "a"}, "items": []}) is None


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ({"state": "none", "parts": []}, Told.FAILED),
        ({"state": "done", "parts": [{"ok": True}]}, Told.SUCCEEDED),
        ({"state": "done", "parts": [{"ok": True}, {"ok": False}]}, Told.FAILED),
        ({"state": "pending"}, None),
        ({}, None),
        ([], None),
    ],
)
def test_every_rule_of_a_group_must_hold_before_it_tells_anything(
    output: Json, told: Told | None
) -> None:
    assert told_by(rule_of(), output) is told


def test_failed_loses_where_both_groups_hold() -> None:
    both = rule_of(failed_when=[{"path": "$.state", "exists": True}])
    assert told_by(both, {"state": "done", "parts": [{"ok": True}]}) is Told.SUCCEEDED


@pytest.mark.parametrize("group", ["succeeded_when", "failed_when"])
def test_a_group_without_rules_tells_nothing(group: str) -> None:
    other = {"succeeded_when", "failed_when"} - {group}
    never = [{"path": "$.state", "equals": "never"}]
    silent = rule_of(**{group: [], other.pop(): never})
    assert told_by(silent, {"state": "done", "parts": [{"ok": True}]}) is None


def test_an_output_that_would_take_too_long_to_look_at_tells_nothing() -> None:
    rule = rule_of(failed_when=[{"path": "$.items[*]", "none_of": [str(n) for n in range(200)]}])
    assert told_by(rule, {"items": ["x"]}) is Told.FAILED
    assert told_by(rule, {"items": ["x"] * 100_000}) is None
