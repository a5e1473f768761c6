"""What holds for every contract, every session and every call."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placet.kernel import foreign
from placet.policy.compile import compile_contract
from placet.policy.decision import Allow, Ask, Decision, Deny
from placet.policy.evaluate import evaluate, evaluate_response
from placet.policy.facts import Call, CommittedCall, Facts, Status
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract, Gate
from placet.policy.narrow import narrow
from placet.policy.remember import effect_key_hash, project
from placet.policy.text.parse import read_contract

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CALL_ID = UUID(int=7)
NAMES = ("a", "b", "c", "d")
PHASES = ("one", "two", "end")
SOME = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)

values: st.SearchStrategy[foreign.Json] = st.sampled_from(
    [0, 1, 2, 10, 1.0, 2.5, "x", "y", True, None, [], [1], {"k": 1}]
)
rules: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"gte": 1, "lte": 10},
        {"lt": "2.5"},
        {"equals": 1},
        {"one_of": ["x", 2]},
        {"none_of": ["y"]},
        {"type": "string"},
        {"exists": False},
        {"matches": "^x"},
        {"length_lte": 1},
    ]
)


@st.composite
def requirements(draw: st.DrawFn) -> dict[str, Any]:
    requirement: dict[str, Any] = {"tool": draw(st.sampled_from(["b", "b", "c"]))}
    if draw(st.booleans()):
        requirement["same"] = [{"theirs": "$.v", "ours": "$.v"}]
    if draw(st.booleans()):
        requirement["output"] = [{"path": "$.r"} | draw(rules)]
    if draw(st.integers(0, 2)):
        requirement["within_seconds"] = draw(st.integers(1, 100))
    return requirement


PLAIN: dict[str, Any] = {
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "requires": [],
    "arguments": [],
    "forbidden_after": [],
}


@st.composite
def rich_tools(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the tool `a`, of which most is drawn; the others are plain."""
    tool = PLAIN | {
        "tool": "a",
        "side_effect": draw(st.sampled_from(["read", "financial"])),
        "requires": draw(st.lists(requirements(), max_size=2)),
        "arguments": draw(st.lists(rules.map(lambda it: {"path": "$.v"} | it), max_size=1)),
        "forbidden_after": draw(st.lists(st.sampled_from(NAMES), max_size=1)),
    }
    if draw(st.booleans()):
        tool["effect_key"] = ["$.v"]
    if draw(st.booleans()):
        tool["input_schema"] = {"type": "object", "required": ["v"]}
    if draw(st.booleans()):
        tool["phases"] = {"valid_in": ["one"], "advances_to": draw(st.sampled_from(PHASES))}
    ruling = draw(st.sampled_from([None, "allow", "allow", "ask", "deny"]))
    return tool if ruling is None else tool | {"decision": ruling}


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "schema_version": "1",
        "agent": "agent",
        "session": {
            "phases": [
                {"name": "one", "initial": True},
                {"name": "two"},
                {"name": "end", "terminal": True},
            ],
            "transitions": {"one": ["two"], "two": ["end"]},
            "risk_defaults": {"read": "allow", "write": "allow", "financial": "ask"},
            "unmatched_tools": draw(st.sampled_from(["deny", "allow", "ask"])),
            "gate": draw(st.sampled_from(list(Gate))).value,
        },
        "tools": [
            draw(rich_tools()),
            PLAIN | {"tool": "b", "phases": {"valid_in": ["one"], "advances_to": "two"}},
            PLAIN | {"tool": "c", "decision": draw(st.sampled_from(["allow", "ask"]))},
        ],
    }


def policy_of(document: dict[str, Any]) -> Policy:
    contract = read_contract(document)
    assert isinstance(contract, Contract), contract
    return load_policy(compile_contract(contract).runtime)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    arguments = draw(st.dictionaries(st.sampled_from("vvw"), values, max_size=2))
    text = foreign.encode(arguments)
    if draw(st.integers(0, 9)) == 0:
        text = draw(st.sampled_from([b"", b"[]", b'{"v": 1, "v": 1}', b"{"]))
    return Call(tool=draw(st.sampled_from("aaaabcd")), arguments=text, call_id=CALL_ID)


@st.composite
def facts(draw: st.DrawFn, policy: Policy) -> Facts:
    committed: dict[str, tuple[CommittedCall, ...]] = {}
    for tool in ("b", "c"):
        ages = sorted(draw(st.lists(st.integers(-5, 120), max_size=3)), reverse=True)
        committed[tool] = tuple(
            CommittedCall(
                call_id=UUID(int=index),
                committed_at=NOW - timedelta(seconds=age),
                **msgspec.structs.asdict(
                    project(
                        policy,
                        tool,
                        foreign.encode({"v": draw(values)}),
                        draw(
                            st.one_of(st.none(), values.map(lambda it: foreign.encode({"r": it})))
                        ),
                    )
                ),
            )
            for index, age in enumerate(ages)
        )
    taken = {
        effect_key_hash(policy, tool, foreign.encode({"v": value}))
        for tool, value in draw(st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=2))
    }
    return Facts(
        now=NOW,
        status=draw(st.sampled_from([Status.ACTIVE] * 12 + list(Status))),
        phase=draw(st.sampled_from(["one"] * 6 + ["two", "end", None])),
        committed=committed,
        counted=draw(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 1), max_size=1)),
        effect_keys_taken=frozenset(key for key in taken if key is not None),
        approved=frozenset({CALL_ID} if draw(st.booleans()) else ()),
    )


def width(decision: Decision) -> int:
    return {Deny: 0, Ask: 1, Allow: 2}[type(decision)]


@SOME
@given(st.data())
def test_within_its_interval_a_decision_does_not_change(data: st.DataObject) -> None:
    policy = policy_of(data.draw(contracts()))
    known, call = data.draw(facts(policy)), data.draw(calls())
    decision = evaluate(policy, known, call)
    low = decision.holds_from or NOW - timedelta(days=1)
    high = decision.holds_until or NOW + timedelta(days=1)
    assert low <= NOW <= high
    span = int((high - low) / timedelta(microseconds=1))
    for at in (0, span, data.draw(st.integers(0, span))):
        then = msgspec.structs.replace(known, now=low + timedelta(microseconds=at))
        assert evaluate(policy, then, call) == decision


@SOME
@given(
    st.lists(st.tuples(st.sampled_from("bc"), st.integers(1, 60)), min_size=1, max_size=3),
    st.dictionaries(st.sampled_from("bc"), st.integers(-5, 80), max_size=2),
)
def test_just_beyond_its_interval_the_reasons_change(
    windows: list[tuple[str, int]], ages: dict[str, int]
) -> None:
    requires = [{"tool": tool, "within_seconds": seconds} for tool, seconds in windows]
    tools = [PLAIN | {"tool": name, "decision": "allow"} for name in "bc"]
    rich = PLAIN | {"tool": "a", "decision": "allow", "requires": requires}
    policy = policy_of({"schema_version": "1", "agent": "x", "tools": [rich, *tools]})
    committed: dict[str, tuple[CommittedCall, ...]] = {
        tool: (CommittedCall(call_id=CALL_ID, committed_at=NOW - timedelta(seconds=age)),)
        for tool, age in ages.items()
    }
    call = Call(tool="a", arguments=b"{}")
    here = evaluate(policy, Facts(now=NOW, committed=committed), call)
    tick = timedelta(microseconds=1)
    for at in (
        here.holds_from and here.holds_from - tick,
        here.holds_until and here.holds_until + tick,
    ):
        if at is not None:
            there = evaluate(policy, Facts(now=at, committed=committed), call)
            assert there.reasons != here.reasons
            assert (there.holds_from, there.holds_until) != (here.holds_from, here.holds_until)


@SOME
@given(st.data())
def test_without_a_supporting_fact_no_denial_becomes_an_allowance(data: st.DataObject) -> None:
    policy = policy_of(data.draw(contracts()))
    known, call = data.draw(facts(policy)), data.draw(calls())
    with_it = evaluate(policy, known, call)
    tool = data.draw(st.sampled_from("bc"))
    fewer = dict(known.committed) | {tool: known.committed[tool][1:]}
    changes: list[dict[str, Any]] = [
        {"committed": fewer},
        {"committed": {}},
        {"approved": frozenset()},
    ]
    for change in changes:
        without = evaluate(policy, msgspec.structs.replace(known, **change), call)
        assert width(without) <= width(with_it)


@SOME
@given(st.data())
def test_a_denial_added_never_widens(data: st.DataObject) -> None:
    document = data.draw(contracts())
    policy = policy_of(document)
    known, call = data.draw(facts(policy)), data.draw(calls())
    index = data.draw(st.sampled_from([0, 0, 0, 1, 2]))
    tool = document["tools"][index]
    change = data.draw(
        st.sampled_from(
            [
                {"decision": "deny"},
                {"forbidden_after": [*tool["forbidden_after"], "a"]},
                {"arguments": [*tool["arguments"], {"path": "$.v", "type": "string"}]},
                {"requires": [*tool["requires"], {"tool": "a"}]},
                {"input_schema": False},
                {"checkpoint": {}},
            ]
        )
    )
    narrower = document | {"tools": [*document["tools"]]}
    narrower["tools"][index] = tool | change
    before, after = evaluate(policy, known, call), evaluate(policy_of(narrower), known, call)
    assert width(after) <= width(before)


@SOME
@given(st.data())
def test_a_decision_depends_on_its_arguments_alone(data: st.DataObject) -> None:
    document = data.draw(contracts())
    known, call = data.draw(facts(policy_of(document))), data.draw(calls())
    reordered = msgspec.structs.replace(
        known,
        committed=dict(reversed(list(known.committed.items()))),
        counted=dict(reversed(list(known.counted.items()))),
    )
    turned = document | {"tools": document["tools"][::-1]}
    first = evaluate(policy_of(document), known, call)
    assert evaluate(policy_of(turned), reordered, call) == first


@SOME
@given(st.data())
def test_a_hidden_tool_is_denied_whatever_its_arguments(data: st.DataObject) -> None:
    policy = policy_of(data.draw(contracts()))
    known, call = data.draw(facts(policy)), data.draw(calls())
    shown = narrow(policy, known, NAMES)
    decision = evaluate(policy, known, call)
    hidden = {one.tool: one.code for one in shown.hidden}
    assert set(hidden) ^ set(shown.offered) == set(NAMES)
    if call.tool in hidden:
        assert isinstance(decision, Deny)
        assert decision.layer is not None
        assert decision.layer <= 5
        assert hidden[call.tool] == decision.reasons[0].code


@SOME
@given(st.data())
def test_a_tool_with_open_arguments_is_shown_if_some_arguments_pass(data: st.DataObject) -> None:
    policy = policy_of(data.draw(contracts()))
    known, call = data.draw(facts(policy)), data.draw(calls())
    decision = evaluate(policy, known, call)
    if decision.layer is None or decision.layer > 5:
        assert call.tool in narrow(policy, known, NAMES).offered


@SOME
@given(st.data())
def test_a_response_grants_nothing_that_its_calls_alone_would_not(data: st.DataObject) -> None:
    policy = policy_of(data.draw(contracts()))
    known = data.draw(facts(policy))
    asked = data.draw(st.lists(calls(), max_size=4))
    decided = evaluate_response(policy, known, asked)
    alone = [evaluate(policy, known, call) for call in asked]
    for verdict, single in zip(decided.calls, alone, strict=True):
        assert width(verdict.decision) <= width(single)
        assert not verdict.granted or isinstance(single, Allow)
        assert not verdict.granted or verdict.arguments_hash is not None
    if policy.gate is Gate.REJECT_ALL:
        granted = [verdict.granted for verdict in decided.calls]
        assert all(granted) or not any(granted)
    targets = {one.advances_to for one in decided.calls if one.granted} - {None}
    assert len(targets) <= 1


@SOME
@given(st.binary(max_size=40), st.sampled_from(NAMES), st.data())
def test_no_bytes_make_an_evaluation_raise(text: bytes, tool: str, data: st.DataObject) -> None:
    policy = policy_of(data.draw(contracts()))
    known = Facts(now=NOW, phase="one")
    call = Call(tool=tool, arguments=text)
    assert evaluate_response(policy, known, [call]).calls[0].decision == evaluate(
        policy, known, call
    )


@SOME
@given(
    st.recursive(
        st.just("4111-SECRET"),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("xyz"), inner, max_size=2)
        ),
        max_leaves=4,
    ),
    rules,
    st.sampled_from(
        [
            {"type": "object", "properties": {"v": {"type": "integer"}}},
            {"properties": {"v": {"enum": [1, 2]}}},
            {"properties": {"v": {"const": "a"}}},
            {"properties": {"v": {"pattern": "^a", "maxLength": 2, "format": "date"}}},
            {"properties": {"v": {"not": {}}}},
            {"properties": {"v": {"anyOf": [{"type": "null"}, {"minItems": 9}]}}},
            {"properties": {"v": {"uniqueItems": True, "contains": {"const": 1}}}},
            {"properties": {"v": {"additionalProperties": False, "items": False}}},
            {"not": {"required": ["v"]}},
            False,
        ]
    ),
)
def test_no_reason_holds_a_value_of_the_arguments(
    value: foreign.Json,
    rule: dict[str, Any],
    schema: object,
) -> None:
    tool = {
        "tool": "a",
        "side_effect": "read",
        "evidence_class": "ack_only",
        "commit_requirement": "none",
        "decision": "allow",
        "input_schema": schema,
        "arguments": [{"path": "$.v"} | rule],
    }
    policy = policy_of({"schema_version": "1", "agent": "x", "tools": [tool]})
    call = Call(tool="a", arguments=foreign.encode({"v": value}))
    decision = evaluate(policy, Facts(now=NOW), call)
    assert "SECRET" not in repr(decision)
