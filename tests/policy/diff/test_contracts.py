"""What a change between two contracts is told to be, by what the rules mean."""

from typing import Any, Final

import pytest
from tests.policy.diff.changing import contract_of
from tests.policy.diff.small import SMALL, Said, diff, kinds, said

from placet.policy.diff.contracts import diff_contracts

LIMITS = "session.limits"


def rules(*of: Said) -> Said:
    return {"pay.arguments": list(of)}


def n(**operators: Any) -> Said:  # noqa: ANN401 -- any operand
    return {"path": "$.n", **operators}


def needs(**of: Any) -> Said:  # noqa: ANN401 -- any part of a requirement
    return {"pay.requires": [{"tool": "find", **of}]}


def who(*of: Said) -> Said:
    return {"session.principals": list(of)}


def allow(*tools: str, **where: Any) -> Said:  # noqa: ANN401 -- any attribute
    return {"effect": "allow", "tools": list(tools), "where": where}


def deny(*tools: str, **where: Any) -> Said:  # noqa: ANN401 -- any attribute
    return {"effect": "deny", "tools": list(tools), "where": where}


def labels(*of: tuple[Said, list[str]]) -> Said:
    return {"session.labels": [{"when": when, "deny": tools} for when, tools in of]}


def paid(**of: Any) -> Said:  # noqa: ANN401 -- any key of an aggregate
    usual = {"name": "paid", "tool": "pay", "op": "sum", "path": "$.n"}
    return {"session.aggregates": [usual | of]}


def envelope(ratio: Any, path: str = "$.n") -> Said:  # noqa: ANN401 -- a number or a text
    of = {"name": "e", "tool": "pay", "path": path, "within_ratio_of_first": ratio}
    return {"session.envelopes": [of]}


def people(*groups: tuple[str, int], **of: Any) -> Said:  # noqa: ANN401 -- any key of a checkpoint
    all_of = [{"role": role, "count": count} for role, count in groups]
    return {"pay.checkpoint": {"all_of": all_of or [{"role": "approver"}], **of}}


def slot(write: str = "once", path: str = "$.n", *, is_read: bool = True) -> Said:
    read = rules(n(lte_ref="s")) if is_read else {}
    return {
        "session.bindings": [{"slot": "s", "write": write}],
        "find.binds": [{"slot": "s", "from": "output", "path": path}],
        **read,
    }


def reconcile(**of: Any) -> Said:  # noqa: ANN401 -- any key of it
    return {"pay.reconcile": {"tool": "find", **of}}


SAME: Final[dict[str, tuple[Said, Said]]] = {
    "nothing": ({}, {}),
    "a bound as a decimal": (rules(n(lte=10)), rules(n(lte="10.0"))),
    "operators of one rule in two": (rules(n(gte=1, lte=5)), rules(n(lte=5), n(gte=1))),
    "a bound that another implies": (rules(n(gte=1), n(gte=5)), rules(n(gte=5))),
    "a path in other words": (rules(n(lte=5)), rules({"path": "$['n']", "lte": 5})),
    "a list in another order": (rules(n(one_of=[1, 2])), rules(n(one_of=[2, 1, 1.0]))),
    "a list of one": (rules(n(equals=1)), rules(n(one_of=[1]))),
    "a bound on named values": (rules(n(one_of=[1, 2], lte=3)), rules(n(one_of=[2, 1]))),
    "a type that a bound has": (rules(n(lte=3)), rules(n(lte=3, type="number", exists=True))),
    "a slot's bound that a stricter implies": (
        slot() | rules(n(lt_ref="s")),
        slot() | rules(n(lt_ref="s", lte_ref="s")),
    ),
    "an aggregate's bound as a decimal": (paid(lte=10), paid(lte="10.00", lt=11)),
    "a ratio as a decimal": (envelope(2), envelope("2.0")),
    "requirements of one call in two": (
        needs(output=[{"path": "$.a", "equals": 1}], within_seconds=9),
        {
            "pay.requires": [
                {"tool": "find", "within_seconds": 9},
                {"tool": "find", "output": [{"path": "$.a", "equals": 1}], "within_seconds": 20},
            ]
        },
    ),
    "the default said": ({}, {"pay.decision": "ask", "find.decision": "allow"}),
    "a checkpoint like the default": ({}, people()),
    "start like its default": ({}, {"pay.start": "required"}),
    "phases like the default": ({}, {"find.phases": {"valid_in": ["b", "a"]}}),
    "principals in another order": (
        who(allow("pay"), deny("find", a=1)),
        who(deny("find", a=1.0), allow("pay")),
    ),
    "an allow that another covers": (who(allow("*")), who(allow("*"), allow("pay", a=1))),
    "tools of one rule in two": (who(allow("pay", "find")), who(allow("find"), allow("pay"))),
    "a label's deny that another covers": (
        labels(({"x": "1"}, ["*"])),
        labels(({"x": "1"}, ["*"]), ({"x": "1", "y": "2"}, ["pay"])),
    ),
}
KINDS: Final[dict[str, tuple[Said, Said, list[str]]]] = {
    "lte up": (rules(n(lte=10)), rules(n(lte=20)), ["widened"]),
    "lt to lte": (rules(n(lt=10)), rules(n(lte=10)), ["widened"]),
    "gte up": (rules(n(gte=1)), rules(n(gte=5)), ["narrowed"]),
    "both ends up": (rules(n(gte=1, lte=5)), rules(n(gte=2, lte=6)), ["widened", "narrowed"]),
    "one more choice": (rules(n(one_of=["a"])), rules(n(one_of=["a", "b"])), ["widened"]),
    "one choice less": (rules(n(one_of=["a", "b"])), rules(n(equals="a")), ["narrowed"]),
    "other choices": (rules(n(one_of=["a", "b"])), rules(n(one_of=["c"])), ["changed?"]),
    "an exclusion less": (rules(n(none_of=["a", "b"])), rules(n(none_of=["a"])), ["widened"]),
    "an exclusion more": (rules(n(not_equals="a")), rules(n(none_of=["a", "b"])), ["narrowed"]),
    "an exclusion of another type": (
        rules(n(none_of=["a"])),
        rules(n(none_of=["a", 1])),
        ["widened"],
    ),
    "integer to number": (rules(n(type="integer")), rules(n(type="number")), ["widened"]),
    "number to string": (rules(n(type="number")), rules(n(type="string")), ["changed?"]),
    "another pattern": (rules(n(matches="a")), rules(n(matches="b")), ["changed?"]),
    "another element": (rules(n(contains="a")), rules(n(contains="b")), ["changed?"]),
    "shorter": (rules(n(length_lte=5)), rules(n(length_lte=4)), ["narrowed"]),
    "longer at least": (rules(n(length_gte=5)), rules(n(length_gte=4)), ["widened"]),
    "no longer missing": (rules(n(exists=False)), rules(n(exists=True)), ["changed?"]),
    "presence alone": (rules(n(lte=5)), rules(n(exists=True)), ["widened"]),
    "a rule less": (rules(n(lte=5)), {}, ["widened"]),
    "a rule more": ({}, rules(n(lte=5)), ["narrowed"]),
    "another path": (rules(n(lte=5)), rules({"path": "$.m", "lte": 5}), ["widened", "narrowed"]),
    "nothing can pass": (rules(n(lte=5)), rules(n(lte=5, gt=5)), ["narrowed"]),
    "a slot for a bound": (slot() | rules(n(lte=5)), slot(), ["widened", "narrowed"]),
    "a looser slot's bound": (slot() | rules(n(lt_ref="s")), slot(), ["widened"]),
    "require": ({}, needs(), ["narrowed"]),
    "require no more": (needs(), {}, ["widened"]),
    "require sooner": (needs(within_seconds=9), needs(within_seconds=8), ["narrowed"]),
    "require whenever": (needs(within_seconds=9), needs(), ["widened"]),
    "require another output": (
        needs(output=[{"path": "$.a", "lte": 1}]),
        needs(output=[{"path": "$.a", "lte": 2}]),
        ["widened"],
    ),
    "the same value too": (
        needs(),
        needs(same=[{"ours": "$.i", "theirs": "$.i"}]),
        ["narrowed"],
    ),
    "the same value too, of another output": (
        needs(output=[{"path": "$.a", "equals": 1}]),
        needs(
            output=[{"path": "$.a", "equals": 1}],
            same=[{"ours": "$.i", "theirs": "$.i"}],
        ),
        ["changed?"],
    ),
    "the same value no more": (
        needs(same=[{"ours": "$.i", "theirs": "$.i"}]),
        needs(),
        ["widened"],
    ),
    "forbidden after": ({}, {"pay.forbidden_after": ["find"]}, ["narrowed"]),
    "no more forbidden": ({"pay.forbidden_after": ["find"]}, {}, ["widened"]),
    "a condition": ({}, {"pay.when": "true"}, ["narrowed"]),
    "no condition": ({"pay.when": "true"}, {}, ["widened"]),
    "another condition": ({"pay.when": "true"}, {"pay.when": "false"}, ["changed?"]),
    "an effect key": ({}, {"pay.effect_key": ["$.n"]}, ["narrowed"]),
    "no effect key": ({"pay.effect_key": ["$.n"]}, {}, ["widened"]),
    "another effect key": ({"pay.effect_key": ["$.n"]}, {"pay.effect_key": ["$.m"]}, ["changed?"]),
    "an effect key in another order": (
        {"pay.effect_key": ["$.n", "$.m"]},
        {"pay.effect_key": ["$.m", "$.n"]},
        ["changed?"],
    ),
    "allowed": ({}, {"pay.decision": "allow"}, ["widened"]),
    "denied": ({}, {"pay.decision": "deny"}, ["narrowed"]),
    "asked by default": ({}, {"session.risk_defaults.read": "ask"}, ["narrowed"]),
    "a default that no tool takes": ({}, {"session.risk_defaults.admin": "ask"}, ["changed"]),
    "a rule of a denied tool": (
        {"pay.decision": "deny"} | rules(n(lte=5)),
        {"pay.decision": "deny"},
        ["changed"],
    ),
    "asked for once more": ({}, {"find.checkpoint": {}}, ["narrowed"]),
    "two people": (people(("a", 1)), people(("a", 2)), ["narrowed"]),
    "one person": (people(("a", 2)), people(("a", 1)), ["widened"]),
    "another role": (people(("a", 1)), people(("b", 1)), ["changed?"]),
    "one group of two": (people(("a", 1), ("a", 1)), people(("a", 2)), ["changed?"]),
    "one role less": (people(("a", 1), ("b", 1)), people(("a", 1)), ["widened"]),
    "later": (people(expires_seconds=9), people(expires_seconds=10), ["widened"]),
    "with a reason": (people(), people(reason_required=True), ["narrowed"]),
    "a phase more": (
        {"pay.phases": {"valid_in": ["a"]}},
        {"pay.phases": {"valid_in": ["b"]}},
        ["widened", "narrowed"],
    ),
    "another target": (
        {"pay.phases": {"valid_in": ["a"]}},
        {"pay.phases": {"valid_in": ["a"], "advances_to": "b"}},
        ["changed?"],
    ),
    "a way more": ({}, {"session.transitions.b": ["end", "a"]}, ["widened"]),
    "a way less": ({}, {"session.transitions": {"a": ["b"]}}, ["narrowed"]),
    "no phases": (
        {},
        {"session.phases": [], "session.transitions": {}},
        ["widened", "widened", "changed?", "changed", "changed", "changed", "narrowed", "narrowed"],
    ),
    "a terminal phase no more": (
        {},
        {"session.phases": [{"name": "a", "initial": True}, {"name": "b"}, {"name": "end"}]},
        ["widened", "widened", "widened"],
    ),
    "another beginning": (
        {},
        {
            "session.phases": [
                {"name": "a"},
                {"name": "b", "initial": True},
                {"name": "end", "terminal": True},
            ]
        },
        ["changed?"],
    ),
    "a looser gate": ({}, {"session.gate": "strip_partial"}, ["widened"]),
    "another loose gate": (
        {"session.gate": "strip_partial"},
        {"session.gate": "strip_blocked"},
        ["changed"],
    ),
    "unmatched asked": ({}, {"session.unmatched_tools": "ask"}, ["widened"]),
    "a limit": ({}, {LIMITS: {"max_steps": 5}}, ["narrowed"]),
    "limits up": (
        {LIMITS: {"max_steps": 5, "max_calls_per_tool": {"pay": 0}, "max_seconds": 5}},
        {LIMITS: {"max_steps": 6, "max_calls_per_tool": {}, "max_seconds": 6}},
        ["widened", "widened", "widened"],
    ),
    "a longer window": (
        {LIMITS: {"loop": {"window": 5, "threshold": 3}}},
        {LIMITS: {"loop": {"window": 6, "threshold": 3}}},
        ["narrowed"],
    ),
    "a higher threshold": (
        {LIMITS: {"loop": {"window": 5, "threshold": 3}}},
        {LIMITS: {"loop": {"window": 5, "threshold": 4}}},
        ["widened"],
    ),
    "no loop": ({LIMITS: {"loop": {"window": 5, "threshold": 3}}}, {}, ["widened"]),
    "a breaker": ({}, {LIMITS: {"circuit_breaker": {"consecutive_errors": 3}}}, ["narrowed"]),
    "the first principal": ({}, who(allow("*", a=1)), ["narrowed"]),
    "no principals": (who(allow("*", a=1)), {}, ["widened"]),
    "one more condition": (who(allow("*", a=1)), who(allow("*", a=1, b=2)), ["narrowed"]),
    "another value": (who(allow("*", a=1)), who(allow("*", a=2)), ["widened", "narrowed"]),
    "one more tool": (who(allow("find")), who(allow("find", "pay")), ["widened"]),
    "a deny less": (who(allow("*"), deny("pay", a=1)), who(allow("*")), ["widened"]),
    "a deny of more": (
        who(allow("*"), deny("pay", a=1, b=2)),
        who(allow("*"), deny("pay", a=1)),
        ["narrowed"],
    ),
    "a label": ({}, labels(({"x": "1"}, ["pay"])), ["narrowed"]),
    "one more label": (
        labels(({"x": "1"}, ["pay"])),
        labels(({"x": "1", "y": "1"}, ["pay"])),
        ["widened"],
    ),
    "an aggregate": ({}, paid(lte=5), ["narrowed"]),
    "an aggregate less": (paid(lte=5), {}, ["widened"]),
    "an aggregate up": (paid(lte=5), paid(lte=6), ["widened"]),
    "a shorter window": (paid(lte=5), paid(lte=5, window_seconds=9), ["widened"]),
    "a shorter window at least": (paid(gte=5), paid(gte=5, window_seconds=9), ["narrowed"]),
    "a shorter window of a least": (
        paid(op="min", lte=5),
        paid(op="min", lte=5, window_seconds=9),
        ["narrowed"],
    ),
    "a wider scope": (paid(lte=5), paid(lte=5, scope="tenant"), ["narrowed"]),
    "a scope of principals": (paid(lte=5), paid(lte=5, scope="principal"), ["changed?"]),
    "another operation": (paid(lte=5), paid(lte=5, op="max"), ["changed?"]),
    "an envelope": ({}, envelope(2), ["narrowed"]),
    "a wider envelope": (envelope("1.5"), envelope(2), ["widened"]),
    "another value in an envelope": (envelope(2), envelope(2, "$.m"), ["changed?"]),
    "another write": (slot(), slot("last"), ["changed?"]),
    "another source": (slot(), slot(path="$.m"), ["changed?"]),
    "another source that nobody reads": (
        slot(is_read=False),
        slot(path="$.m", is_read=False),
        ["changed"],
    ),
    "start optional": ({}, {"pay.start": "optional"}, ["widened"]),
    "safe to cancel": ({}, {"pay.cancel": "safe"}, ["widened"]),
    "more attempts": ({}, {"pay.retries": {"max_attempts": 2, "retry_on": ["x"]}}, ["widened"] * 2),
    "weaker evidence": ({}, {"pay.evidence_class": "ack_only"}, ["widened"]),
    "stronger evidence": ({}, {"find.evidence_class": "local_transaction"}, ["narrowed"]),
    "verifiable": (
        {"pay.evidence_class": "unverifiable"},
        {"pay.evidence_class": "ack_only"},
        ["changed?"],
    ),
    "commits at its grant": ({}, {"find.commit_requirement": "none"}, ["widened"]),
    "commits later": ({"find.commit_requirement": "none"}, {}, ["narrowed"]),
    "commits later, and is required": (
        {"find.commit_requirement": "none"} | needs(),
        needs(),
        ["changed?"],
    ),
    "less grave": (
        {"pay.decision": "allow", "pay.start": "required"},
        {"pay.decision": "allow", "pay.start": "required", "pay.side_effect": "write"},
        ["widened"],
    ),
    "another server": ({"pay.server": "x"}, {"pay.server": "y"}, ["changed?"]),
    "a longer time": ({"pay.timeouts": {"total_ms": 5}}, {}, ["widened"]),
    "a shorter time": ({}, {"pay.timeouts": {"total_ms": 5}}, ["narrowed"]),
    "a shorter time, then reconciled": (
        reconcile(),
        reconcile() | {"pay.timeouts": {"total_ms": 5}},
        ["changed?"],
    ),
    "reconciled": ({}, reconcile(), ["widened"]),
    "not reconciled": (reconcile(), {}, ["narrowed"]),
    "reconciled by another path": (
        reconcile(arguments={"i": "$.i"}),
        reconcile(arguments={"i": "$.j"}),
        ["changed?"],
    ),
    "redacted": ({}, {"pay.redact": ["$.n"]}, ["changed"]),
    "redacted no more": ({"pay.redact": ["$.n"]}, {}, ["changed?"]),
    "redacted no more, and denied": (
        {"pay.redact": ["$.n"]},
        {"pay.decision": "deny"},
        ["changed?", "narrowed"],
    ),
    "redacted as a whole": (
        {"pay.redact": ["$.n.a", "$.l[0]"]},
        {"pay.redact": ["$.n", "$.l[*]"]},
        ["changed"] * 4,
    ),
    "redacted in part": (
        {"pay.redact": ["$.n", "$.l[*]"]},
        {"pay.redact": ["$.n.a", "$.l[0]"]},
        ["changed?", "changed?", "changed", "changed"],
    ),
    "redacted elsewhere": (
        {"pay.redact": ["$.n"]},
        {"pay.redact": ["$.m"]},
        ["changed?", "changed"],
    ),
    "volatile without a loop": ({}, {"pay.volatile": ["$.n"]}, ["changed"]),
    "volatile no more": (
        {"pay.volatile": ["$.n"], LIMITS: {"loop": {"window": 5, "threshold": 3}}},
        {LIMITS: {"loop": {"window": 5, "threshold": 3}}},
        ["widened"],
    ),
    "another agent": ({}, {"agent": "other"}, ["changed?"]),
}
TOOL: Final[Said] = {
    "tool": "new",
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
}


@pytest.mark.parametrize("name", SAME)
def test_what_means_the_same_is_no_change(name: str) -> None:
    one, other = SAME[name]
    assert diff(one, other) == []
    assert diff(other, one) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_change_is_told_by_what_it_lets_pass(name: str) -> None:
    old, new, expected = KINDS[name]
    assert kinds(old, new) == expected


@pytest.mark.parametrize("name", KINDS)
def test_a_change_turned_round_may_widen_where_it_narrowed(name: str) -> None:
    old, new, expected = KINDS[name]
    turned = kinds(new, old)
    if "narrowed" in expected:
        assert {"widened", "changed?"} & set(turned)
    if set(expected) <= {"changed"} and "redacted" not in name:
        assert set(turned) <= {"changed"}


@pytest.mark.parametrize(
    ("unmatched", "ruling", "added", "removed"),
    [
        ("deny", "allow", ["widened"], ["narrowed"]),
        ("deny", "ask", ["widened"], ["narrowed"]),
        ("deny", "deny", ["changed"], ["changed"]),
        ("ask", "allow", ["changed?"], ["changed?"]),
        ("ask", "ask", ["narrowed"], ["widened"]),
        ("ask", "deny", ["narrowed"], ["widened"]),
        ("allow", "allow", ["narrowed"], ["widened"]),
        ("allow", "ask", ["narrowed"], ["widened"]),
        ("allow", "deny", ["narrowed"], ["widened"]),
    ],
)
def test_a_tool_comes_and_goes_by_what_holds_without_its_contract(
    unmatched: str, ruling: str, added: list[str], removed: list[str]
) -> None:
    without = {"session.unmatched_tools": unmatched}
    tools = [*SMALL["tools"], TOOL | {"decision": ruling}]
    assert kinds(without, without | {"tools": tools}) == added
    assert kinds(without | {"tools": tools}, without) == removed


def test_a_tool_that_moves_the_session_may_widen_though_it_was_free_before() -> None:
    without = {"session.unmatched_tools": "allow"}
    moving = TOOL | {"phases": {"valid_in": ["a"], "advances_to": "b"}}
    assert kinds(without, without | {"tools": [*SMALL["tools"], moving]}) == ["changed?"]


def test_a_first_contract_widens_by_each_tool_that_can_be_called() -> None:
    tools = [*SMALL["tools"], TOOL | {"decision": "deny"}]
    new = contract_of(said({"tools": tools, "session.unmatched_tools": "ask"}))
    assert new is not None
    found = [(str(change.kind), change.path) for change in diff_contracts(None, new)]
    assert found == [
        ("widened", "$.session.unmatched_tools"),
        ("widened", "$.tools[0]"),
        ("widened", "$.tools[1]"),
        ("changed", "$.tools[2]"),
    ]


def test_the_order_of_tools_and_rules_is_no_change() -> None:
    assert diff({}, {"tools": SMALL["tools"][::-1]}) == []


def test_what_widened_stands_first_and_what_may_widen_next() -> None:
    old = rules(n(gte=1, lte=9), {"path": "$.m", "matches": "a"})
    new = rules(n(gte=2, lte=10), {"path": "$.m", "matches": "b"}) | {"pay.redact": ["$.x"]}
    assert kinds(old, new) == ["widened", "changed?", "changed", "narrowed"]


def test_a_value_that_is_hidden_no_more_is_told_with_why_it_matters() -> None:
    change, *others = diff({"pay.redact": ["$.card"]}, {})
    assert others == []
    assert change.text == (
        "no longer: no value of `$.card` is shown in a reason or an event; "
        "a secret that stands there may now be seen"
    )
    assert (change.path, change.tool, change.layer) == ("$.tools[1].redact[0]", "pay", None)


def test_a_change_names_its_place_its_layer_its_tool_and_both_values() -> None:
    change, *others = diff(rules(n(gte=1, lte=10)), rules(n(gte=1), n(lt="20.5")))
    assert others == []
    assert change.path == "$.tools[1].arguments[1].lt"
    assert (change.tool, change.layer, change.may_widen) == ("pay", 6, True)
    assert (change.before, change.after) == ({"lte": 10}, {"lt": "20.5"})
    assert change.text == '`$.n` is less than `"20.5"` (before: `$.n` is at most `10`)'


def test_a_rule_that_was_taken_out_has_its_place_in_the_old_contract() -> None:
    change, *others = diff(rules(n(exists=True), n(lte=10)), rules(n(exists=True)))
    assert others == []
    assert change.path == "$.tools[1].arguments[1].lte"
    assert (change.before, change.after) == ({"lte": 10}, None)
    assert change.text == "no longer: `$.n` is at most `10`"


def test_what_cannot_be_read_is_compared_as_it_is_written() -> None:
    odd = rules({"path": "n", "lte": 5, "lte_ref": "s"}) | {"pay.effect_key": ["n"]}
    assert diff(odd, odd) == []
    assert kinds(odd, {}) == ["widened"] * 3
