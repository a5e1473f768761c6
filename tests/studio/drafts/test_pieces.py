"""Commands on one part of what holds for a session."""

import json
from typing import Any, get_args

import pytest
from tests.studio.story import AGENT, LOOKUP, contract, importing, raw

from placet.policy.finding import Severity
from placet.policy.model import SideEffect
from placet.studio.drafts import rules
from placet.studio.drafts.model import Command, CommandType, ContractInvalid
from placet.studio.drafts.pieces.model import (
    RemoveAggregate,
    RemoveBinding,
    RemoveEnvelope,
    RemoveLabelRule,
    RemoveLimit,
    RemovePhase,
    RemovePrincipalRule,
    RemoveRiskDefault,
    RemoveTransition,
    SetAggregate,
    SetBinding,
    SetEnvelope,
    SetGate,
    SetLabelRule,
    SetLimits,
    SetPhase,
    SetPrincipalRule,
    SetRiskDefault,
    SetTransition,
    SetUnmatchedTools,
)
from placet.studio.drafts.places import rule_id

TODAY = {"name": "today", "tool": "issue_refund", "op": "sum", "path": "$.amount_cents", "lte": 9}
CALLS = {"name": "calls", "tool": "issue_refund", "op": "count", "lte": 3}
JUMP = {"name": "jump", "tool": "issue_refund", "path": "$.x", "within_ratio_of_first": "1.5"}
SUPPORT = {"effect": "allow", "tools": ["*"], "where": {"department": "support"}}
NEWCOMER = {"effect": "deny", "tools": ["issue_refund"], "where": {"on_probation": True}}
FRAUD = {"when": {"fraud": "true"}, "deny": ["issue_refund"]}


def made(*commands: Command, session: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what is said for the session after these commands."""
    document = rules.empty_document(AGENT)
    first = [importing(contract(LOOKUP, **session))] if session else []
    for command in (*first, *commands):
        document, _ = rules.decide_command(document, AGENT, command)
    told: dict[str, Any] = json.loads(document).get("session", {})
    return told


def refused(command: Command, **session: Any) -> tuple[str, str]:  # noqa: ANN401 -- any JSON
    document = json.dumps(contract(LOOKUP, **session)).encode()
    with pytest.raises(ContractInvalid) as fault:
        rules.decide_command(document, AGENT, command)
    found = fault.value.findings[0]
    assert found.severity is Severity.ERROR
    return found.code, found.path


def test_every_command_has_a_type_and_every_type_a_command() -> None:
    tags = [each.__struct_config__.tag for each in get_args(Command)]
    assert sorted(tags) == sorted(kind.value for kind in CommandType)


@pytest.mark.parametrize(
    ("key", "first", "second", "again"),
    [
        (
            "phases",
            SetPhase(phase=raw({"name": "a"})),
            SetPhase(phase=raw({"name": "b"})),
            SetPhase(phase=raw({"name": "a", "initial": True})),
        ),
        (
            "bindings",
            SetBinding(binding=raw({"slot": "a", "write": "once"})),
            SetBinding(binding=raw({"slot": "b", "write": "once"})),
            SetBinding(binding=raw({"slot": "a", "write": "last"})),
        ),
        (
            "aggregates",
            SetAggregate(aggregate=raw(TODAY)),
            SetAggregate(aggregate=raw(CALLS)),
            SetAggregate(aggregate=raw(TODAY | {"lte": 10})),
        ),
        (
            "envelopes",
            SetEnvelope(envelope=raw(JUMP)),
            SetEnvelope(envelope=raw(JUMP | {"name": "leap"})),
            SetEnvelope(envelope=raw(JUMP | {"within_ratio_of_first": 2})),
        ),
    ],
)
def test_a_named_part_is_added_at_the_end_and_replaced_in_its_place(
    key: str, first: Command, second: Command, again: Command
) -> None:
    before = made(first, second)[key]
    after = made(first, second, again)[key]
    assert len(before) == len(after) == 2
    assert after[1] == before[1]
    assert after[0] != before[0]


def test_a_removed_part_is_gone_and_the_last_one_leaves_nothing() -> None:
    session = {
        "phases": [{"name": "a"}, {"name": "b"}],
        "bindings": [{"slot": "s", "write": "once"}],
        "aggregates": [TODAY, CALLS],
        "envelopes": [JUMP],
        "transitions": {"a": ["b"], "b": []},
        "risk_defaults": {"read": "allow"},
    }
    after = made(
        RemovePhase(name="a"),
        RemoveBinding(slot="s"),
        RemoveAggregate(name="today"),
        RemoveEnvelope(name="jump"),
        RemoveTransition(source="b"),
        RemoveRiskDefault(side_effect=SideEffect.READ),
        session=session,
    )
    assert after == {
        "phases": [{"name": "b"}],
        "aggregates": [CALLS],
        "transitions": {"a": ["b"]},
    }


def test_limits_are_set_one_by_one_and_tool_by_tool() -> None:
    before = {"limits": {"max_steps": 4, "max_seconds": 9, "max_calls_per_tool": {"a": 1, "b": 2}}}
    after = made(
        SetLimits(limits=raw({"max_steps": 5, "max_calls_per_tool": {"b": 3, "c": 0}})),
        RemoveLimit(limit="max_seconds"),
        RemoveLimit(limit="max_calls_per_tool", tool="a"),
        session=before,
    )
    assert after == {"limits": {"max_steps": 5, "max_calls_per_tool": {"b": 3, "c": 0}}}
    last = RemoveLimit(limit="max_calls_per_tool", tool="a")
    assert made(last, session={"limits": {"max_calls_per_tool": {"a": 1}}}) == {}


def test_transitions_risk_defaults_gate_and_unmatched_tools_are_set_by_their_key() -> None:
    after = made(
        SetTransition(source="a", to=raw(["b"])),
        SetTransition(source="b", to=raw([])),
        SetTransition(source="a", to=raw(["b", "c"])),
        SetRiskDefault(side_effect=SideEffect.WRITE, ruling=raw("ask")),
        SetGate(gate=raw("strip_blocked")),
        SetUnmatchedTools(ruling=raw("ask")),
    )
    assert after == {
        "transitions": {"a": ["b", "c"], "b": []},
        "risk_defaults": {"write": "ask"},
        "gate": "strip_blocked",
        "unmatched_tools": "ask",
    }


def test_what_is_the_default_is_said_by_saying_nothing() -> None:
    session = {"gate": "strip_blocked", "unmatched_tools": "ask"}
    back = made(
        SetGate(gate=raw("reject_all")), SetUnmatchedTools(ruling=raw("deny")), session=session
    )
    assert back == {}


@pytest.mark.parametrize(
    ("key", "first", "second", "set_one", "remove"),
    [
        ("principals", SUPPORT, NEWCOMER, SetPrincipalRule, RemovePrincipalRule),
        ("labels", FRAUD, FRAUD | {"deny": ["*"]}, SetLabelRule, RemoveLabelRule),
    ],
)
def test_a_rule_without_a_name_is_known_by_what_it_says_wherever_it_stands(
    key: str,
    first: dict[str, Any],
    second: dict[str, Any],
    set_one: type[SetPrincipalRule | SetLabelRule],
    remove: type[RemovePrincipalRule | RemoveLabelRule],
) -> None:
    changed = second | ({"deny": ["a"]} if key == "labels" else {"tools": ["a"]})
    for order in ([first, second], [second, first]):
        session = {key: order}
        assert made(remove(rule_id=rule_id(first)), session=session) == {key: [second]}
        replaced = made(set_one(rule=raw(changed), replaces=rule_id(second)), session=session)
        assert replaced[key] == [changed if rule == second else rule for rule in order]
    assert made(set_one(rule=raw(second)), session={key: [first]})[key] == [first, second]
    assert refused(set_one(rule=raw(first)), **{key: [first]}) == ("duplicate_rule", "$.rule")
    same = set_one(rule=raw(first), replaces=rule_id(first))
    assert made(same, session={key: [first]}) == {key: [first]}
    gone = "0" * 16
    assert refused(remove(rule_id=gone), **{key: [first]}) == ("unknown_rule", "$.rule_id")
    late = set_one(rule=raw(second), replaces=gone)
    assert refused(late, **{key: [first]}) == ("unknown_rule", "$.replaces")


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (SetPhase(phase=raw({"name": "a b"})), "$.phase.name"),
        (SetPhase(phase=raw("a")), "$.phase"),
        (SetTransition(source="a", to=raw(["a b"])), "$.to[0]"),
        (SetTransition(source="a.b", to=raw("x")), "$.to"),
        (SetLimits(limits=raw({"max_steps": 0})), "$.limits.max_steps"),
        (SetLimits(limits=raw({"max_step": 1})), "$.limits.max_step"),
        (SetBinding(binding=raw({"slot": "s"})), "$.binding.write"),
        (SetAggregate(aggregate=raw(TODAY | {"op": "mean"})), "$.aggregate.op"),
        (SetAggregate(aggregate=raw(TODAY | {"lte": 0.5})), "$.aggregate.lte"),
        (SetEnvelope(envelope=raw({"name": "x"})), "$.envelope.tool"),
        (SetPrincipalRule(rule=raw(SUPPORT | {"tools": []})), "$.rule.tools"),
        (SetLabelRule(rule=raw({"when": {"a": 1}, "deny": ["*"]})), "$.rule.when.a"),
        (SetRiskDefault(side_effect=SideEffect.READ, ruling=raw("maybe")), "$.ruling"),
        (SetGate(gate=raw("open")), "$.gate"),
        (SetUnmatchedTools(ruling=raw(None)), "$.ruling"),
    ],
)
def test_a_part_that_cannot_be_read_is_refused_where_it_stands(command: Command, path: str) -> None:
    assert refused(command)[1] == path


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (RemovePhase(name="a"), "$.name"),
        (RemoveBinding(slot="a"), "$.slot"),
        (RemoveAggregate(name="a"), "$.name"),
        (RemoveEnvelope(name="a"), "$.name"),
        (RemoveTransition(source="a"), "$.from"),
        (RemoveLimit(limit="max_steps"), "$.limit"),
        (RemoveLimit(limit="max_calls_per_tool", tool="a"), "$.tool"),
        (RemoveLimit(limit="max_seconds", tool="a"), "$.tool"),
        (RemoveRiskDefault(side_effect=SideEffect.READ), "$.side_effect"),
    ],
)
def test_what_is_not_there_cannot_be_removed(command: Command, path: str) -> None:
    limits = {"max_calls_per_tool": {"b": 1}, "max_seconds": 1}
    assert refused(command, limits=limits)[1] == path


def test_a_part_in_another_spelling_is_kept_in_the_same_bytes() -> None:
    document = rules.empty_document(AGENT)
    spelled = raw(dict(reversed(TODAY.items())) | {"scope": "session"})
    plain = rules.decide_command(document, AGENT, SetAggregate(aggregate=raw(TODAY)))
    assert rules.decide_command(document, AGENT, SetAggregate(aggregate=spelled)) == plain


def test_a_reason_is_kept_with_the_command_and_changes_nothing_else() -> None:
    document = rules.empty_document(AGENT)
    command = SetGate(gate=raw("strip_blocked"))
    silent, payload = rules.decide_command(document, AGENT, command)
    told, with_reason = rules.decide_command(document, AGENT, command, reason="tickets pile up")
    assert told == silent
    assert json.loads(with_reason) == json.loads(payload) | {"reason": "tickets pile up"}
