"""No contract and no arguments hold up a service: refused when written, or checked in time."""

import gc
import hashlib
import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from placet.policy.checks.check import check_contract
from placet.policy.checks.cost import PATTERNS_MAX
from placet.policy.compile import compile_contract
from placet.policy.cost import CHECK_NS_MAX, values_in
from placet.policy.decision import Allow, Code, Decision, Deny
from placet.policy.evaluate import evaluate
from placet.policy.facts import Call, CommittedCall, Facts
from placet.policy.finding import Severity
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.schemas.cost import NAMES_MAX, schema_cost
from placet.policy.schemas.engine import PATTERN_NS, SchemaError, compile_pattern, pattern_ns
from placet.policy.text.parse import read_contract

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = 1.0
MEGABYTE = 1024 * 1024
LETTERS = "".join("ab"[byte & 1] for byte in hashlib.shake_128(b"letters").digest(MEGABYTE))
NESTED = "((a{1,100}){1,100}){1,10}$"
STATES = "a[ab]{300}c"
ANY: dict[str, object] = {"type": "object"}


def contract_of(**tool: object) -> Contract:
    """Return a contract with one tool."""
    whole: dict[str, object] = {
        "tool": "do",
        "side_effect": "read",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "decision": "allow",
        "input_schema": ANY,
    }
    contract = read_contract({"schema_version": "1", "agent": "desk", "tools": [whole | tool]})
    assert isinstance(contract, Contract), contract
    return contract


def errors_of(contract: Contract) -> list[str]:
    return [one.code for one in check_contract(contract) if one.severity is Severity.ERROR]


def policy_of(contract: Contract) -> Policy:
    assert errors_of(contract) == []
    return load_policy(compile_contract(contract).runtime)


def decided(policy: Policy, arguments: object, facts: Facts | None = None) -> Decision:
    """Return the decision on a call, which must come in time."""
    text = json.dumps(arguments, separators=(",", ":")).encode()
    assert len(text) <= MEGABYTE
    # What other tests left in memory is not what this call would have to be walked for.
    gc.freeze()
    began = time.thread_time()
    decision = evaluate(policy, facts or Facts(now=NOW), Call(tool="do", arguments=text))
    spent = time.thread_time() - began
    gc.unfreeze()
    assert spent < SECOND
    return decision


def chain(keyword: str, links: int) -> dict[str, object]:
    """Return a schema in which each part refers to the next one twice."""
    defs: dict[str, object] = {
        f"a{n}": {keyword: [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(links)
    }
    return {"$defs": defs | {f"a{links}": {"type": "object"}}, "$ref": "#/$defs/a0"}


def tree(times: int) -> dict[str, object]:
    """Return a schema of trees that looks at each branch so many times."""
    branch = {"properties": {"a": {"$ref": "#/$defs/t"}}}
    return {"$defs": {"t": {"allOf": [branch] * times}}, "$ref": "#/$defs/t"}


def choice(names: list[str]) -> dict[str, Any]:
    """Return a schema of conditions: one of several lists of conditions, each under its name."""
    many = {"type": "array", "items": {"$ref": "#/$defs/f"}}
    branches = [{"required": [name], "properties": {name: many}} for name in names]
    return {"$defs": {"f": {"oneOf": [{"type": "null"}, *branches]}}, "$ref": "#/$defs/f"}


def unevaluated(links: int) -> dict[str, object]:
    defs: dict[str, object] = {
        f"a{n}": {"unevaluatedProperties": False, "allOf": [{"$ref": f"#/$defs/a{n + 1}"}]}
        for n in range(links)
    }
    last = {f"a{links}": {"properties": {"x": True}}}
    return {"$defs": defs | last, "$ref": "#/$defs/a0"}


def text_schema(pattern: str) -> dict[str, object]:
    return {"type": "object", "properties": {"s": {"type": "string", "pattern": pattern}}}


# Contracts that are refused when they are written.


@pytest.mark.parametrize(
    "pattern", [NESTED, "(a{1000}){1000}", r"\p{L}{1000}", "((((a?){50}){50}){50}){50}"]
)
def test_a_pattern_that_is_large_once_written_out_is_a_finding(pattern: str) -> None:
    rule = [{"path": "$.s", "matches": pattern}]
    assert errors_of(contract_of(arguments=rule, input_schema=True)) == ["bad_pattern"]
    assert errors_of(contract_of(input_schema=text_schema(pattern))) == ["bad_schema"]
    names = {"patternProperties": {pattern: True}}
    assert errors_of(contract_of(input_schema=names)) == ["bad_schema"]
    with pytest.raises(SchemaError, match="repetitions are written out"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        (chain("allOf", 40), "too_costly"),
        (chain("anyOf", 40), "too_costly"),
        (chain("oneOf", 40), "too_costly"),
        (tree(2), "too_costly"),
        (unevaluated(20), "too_costly"),
        ({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, "bad_schema"),
        ({"$ref": "#"}, "bad_schema"),
        (chain("allOf", 150), "bad_schema"),
        ({"properties": {f"a{n}": {} for n in range(3_000)}}, "bad_schema"),
        ({"properties": {"a": {"enum": [n + 0.5 for n in range(2_000)]}}}, "too_costly"),
        ({"$ref": "#/$defs/none"}, "bad_schema"),
    ],
    ids=str,
)
def test_a_schema_that_looks_too_often_is_a_finding(schema: dict[str, object], code: str) -> None:
    began = time.thread_time()
    assert errors_of(contract_of(input_schema=schema)) == [code]
    assert time.thread_time() - began < SECOND


def test_rules_that_compare_too_much_are_a_finding() -> None:
    many = [{"path": "$.l[*]", "one_of": [f"x{n}" for n in range(1_000)]} for _ in range(20)]
    assert "too_costly" in errors_of(contract_of(arguments=many, input_schema=True))


def test_many_patterns_are_one_finding_and_none_is_compiled() -> None:
    properties = {f"p{n}": {"pattern": NESTED} for n in range(PATTERNS_MAX + 1)}
    assert errors_of(contract_of(input_schema={"properties": properties})) == ["patterns_many"]


@pytest.mark.parametrize("times", [1, 3])
def test_a_schema_that_refers_to_itself_once_for_each_level_is_taken(times: int) -> None:
    children = {"type": "array", "items": {"$ref": "#/$defs/node"}}
    node = {"type": "object", "properties": {f"c{n}": children for n in range(times)}}
    policy_of(contract_of(input_schema={"$defs": {"node": node}, "$ref": "#/$defs/node"}))


def test_branches_that_lead_on_by_different_names_do_not_add_up() -> None:
    assert errors_of(contract_of(input_schema=choice(["and", "or", "not"]))) == []
    assert errors_of(contract_of(input_schema=choice(["and", "and"]))) == ["too_costly"]


def test_with_too_many_names_to_keep_apart_the_bound_is_high_and_made_in_time() -> None:
    few = choice([f"n{n}" for n in range(20)])
    assert errors_of(contract_of(input_schema=few)) == []
    wide = {"oneOf": [{"$ref": f"#/$defs/w{n}"} for n in range(20)]}
    parts = {f"w{n}": {"allOf": [{"$ref": f"#/$defs/w{n + 1}"}]} for n in range(20)}
    last = {"w20": {"properties": {f"p{n}": True for n in range(NAMES_MAX // 20)}}}
    schema = {**few, "$defs": {"f": few["$defs"]["f"], **parts, **last}, "anyOf": [wide]}
    began = time.thread_time()
    assert errors_of(contract_of(input_schema=schema)) == ["too_costly"]
    assert time.thread_time() - began < SECOND


# Contracts that are taken, and arguments that are made to take long.


def of_list(schema: object) -> dict[str, object]:
    return {"input_schema": {"properties": {"l": schema}}}


def over(path: str, rules: list[dict[str, object]]) -> dict[str, object]:
    return {"arguments": [{"path": path} | rule for rule in rules], "input_schema": True}


HOSTILE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "states in a rule": (over("$.s", [{"matches": STATES}]), {"s": LETTERS[:-50]}),
    "states in many rules": (
        over("$.l[*]", [{"matches": STATES}] * 9),
        {"l": [LETTERS[:3_000]] * 300},
    ),
    "states in a schema": ({"input_schema": text_schema(STATES)}, {"s": LETTERS[:-50]}),
    "states in names": (
        {"input_schema": {"patternProperties": {STATES: True}}},
        {LETTERS[n : n + 999]: 1 for n in range(900)},
    ),
    "wrong items": (of_list({"items": {"type": "string"}}), {"l": [1] * 500_000}),
    "empty items": (of_list({"items": {"required": ["a", "b", "c"]}}), {"l": [{}] * 340_000}),
    "wrong branches": (
        of_list({"anyOf": [{"items": {"type": "string"}}] * 9}),
        {"l": [1] * 500_000},
    ),
    "choices": (of_list({"items": {"enum": list(range(300))}}), {"l": [299.0] * 170_000}),
    "many rules": (over("$.l[*]", [{"lte": n} for n in range(99)]), {"l": [0] * 500_000}),
    "many elements": (over("$.l", [{"contains": n} for n in range(99)]), {"l": [-1] * 300_000}),
    "a large effect": ({"effect_key": ["$.l", "$.l[*]", "$.l[0]"] * 9}, {"l": [[]] * 340_000}),
    "unique lists": (of_list({"uniqueItems": True}), {"l": [[n] for n in range(110_000)]}),
    "deep conditions": (
        {"input_schema": choice(["and", "or", "not"])},
        json.loads('{"and":[' * 31 + ",".join(["null"] * 200_000) + "]}" * 31),
    ),
    "deep": ({"input_schema": tree(1)}, json.loads('{"a":' * 63 + "1" + "}" * 63)),
}


@pytest.mark.parametrize(("tool", "arguments"), HOSTILE.values(), ids=HOSTILE)
def test_a_call_is_decided_in_time_whatever_it_holds(
    tool: dict[str, Any], arguments: dict[str, Any]
) -> None:
    contract = contract_of(**tool)
    assert not {"too_costly", "bad_schema", "bad_pattern"} & set(errors_of(contract))
    decided(load_policy(compile_contract(contract).runtime), arguments)


def test_a_text_that_is_too_long_for_a_pattern_fails_and_the_reason_says_so() -> None:
    rule = [{"path": "$.s", "matches": "a"}]
    policy = policy_of(contract_of(arguments=rule, input_schema=True))
    assert isinstance(decided(policy, {"s": "a" * 100_000}), Allow)
    decision = decided(policy, {"s": "a" * 900_000})
    assert isinstance(decision, Deny)
    (reason,) = decision.reasons
    assert (decision.layer, reason.code) == (6, Code.ARGUMENT_OUT_OF_BOUNDS)
    assert reason.rule == "tools.do.arguments[0].matches"
    assert "too long to be checked" in reason.detail


def test_texts_that_are_too_long_together_fail_too() -> None:
    rule = [{"path": "$.l[*]", "matches": "a"}]
    policy = policy_of(contract_of(arguments=rule, input_schema=True))
    assert isinstance(decided(policy, {"l": ["a" * 100_000]}), Allow)
    assert isinstance(decided(policy, {"l": ["a" * 100_000] * 9}), Deny)


def test_arguments_that_are_too_long_for_a_schema_fail_and_the_reason_says_so() -> None:
    policy = policy_of(contract_of(input_schema=text_schema("^a*$")))
    assert isinstance(decided(policy, {"s": "a" * 100_000}), Allow)
    decision = decided(policy, {"s": "a" * 900_000})
    assert isinstance(decision, Deny)
    assert [reason.rule for reason in decision.reasons] == ["tools.do.arguments"]
    assert "too long to be checked" in decision.reasons[0].detail


def test_errors_are_told_one_by_one_only_while_they_are_few() -> None:
    schema = {"properties": {"l": {"items": {"type": "string"}}}}
    policy = policy_of(contract_of(input_schema=schema))
    few = decided(policy, {"l": [1] * 100})
    many = decided(policy, {"l": [1] * 100_000})
    assert len(few.reasons) == 10
    assert [(reason.code, reason.rule) for reason in many.reasons] == [
        (Code.SCHEMA_VIOLATED, "tools.do.input_schema")
    ]


def test_a_remembered_output_that_is_too_long_for_a_pattern_fails() -> None:
    requires = [{"tool": "do", "output": [{"path": "$.l[*]", "matches": STATES}]}]
    contract = contract_of(requires=requires)
    policy = load_policy(compile_contract(contract).runtime)
    texts = [[LETTERS[n : n + 3_000]] for n in range(300)]
    said = CommittedCall(
        call_id=UUID(int=1), committed_at=NOW, arguments={}, output={"$.l[*]": texts}
    )
    decision = decided(policy, {}, Facts(now=NOW, committed={"do": (said,)}))
    assert isinstance(decision, Deny)
    assert "too long to be checked" in decision.reasons[0].detail


# What the bounds are made of.


def test_a_larger_pattern_costs_more_and_a_usual_one_is_cheap() -> None:
    usual = ["^ord_[a-z0-9]{8}$", r"^[\w.+-]+@[\w-]+\.[a-z]{2,}$", "^[A-Z]{3}$", "(?i)urgent"]
    assert {pattern_ns(pattern) for pattern in usual} == {PATTERN_NS[0][1]}
    costs = [pattern_ns(f"a[ab]{{{n}}}c") for n in (1, 100, 300, 900)]
    assert costs == [nanoseconds for _, nanoseconds in PATTERN_NS]


def test_no_pattern_takes_longer_for_a_byte_than_its_size_says() -> None:
    text = LETTERS[:2_000]
    for count in (20, 100, 300, 900):
        pattern = compile_pattern(f"a[ab]{{{count}}}c")
        pattern.search(text)
        began = time.thread_time_ns()
        pattern.search(text)
        assert time.thread_time_ns() - began < 2 * pattern.ns_per_byte * len(text)


def test_the_cost_of_a_schema_counts_what_looks_at_one_value() -> None:
    one = schema_cost({"type": "string"}, pattern_ns)
    assert schema_cost({"properties": {"a": {"type": "string"}}}, pattern_ns) == one
    twice = schema_cost({"allOf": [{"type": "string"}] * 2}, pattern_ns)
    assert twice.per_value == one.per_value * 3
    beside = {"properties": {"a": {"pattern": "a"}, "b": {"pattern": "b"}}}
    assert schema_cost(beside, pattern_ns).per_byte == pattern_ns("a")
    both = {"additionalProperties": {"pattern": "a"}, "properties": {"b": {"pattern": "b"}}}
    assert schema_cost(both, pattern_ns).per_byte == 2 * pattern_ns("a")


@pytest.mark.parametrize(
    ("text", "values"),
    [(b"1", 1), (b"[]", 1), (b"[1,2]", 3), (b'{"a":[1,{"b":[]}],"c":null}', 6)],
)
def test_no_text_has_more_values_than_are_counted(text: bytes, values: int) -> None:
    assert values_in(text) >= values


def test_a_usual_contract_leaves_room_for_long_arguments() -> None:
    properties: dict[str, object] = {
        f"p{n}": {"type": "string", "maxLength": 99, "pattern": "^[a-z]+$"} for n in range(30)
    }
    schema = ANY | {"properties": properties, "required": list(properties)}
    rules = [{"path": f"$.p{n}", "length_lte": 50} for n in range(30)]
    policy = policy_of(contract_of(input_schema=schema, arguments=rules))
    cost = policy.tools["do"].cost
    assert cost.of(2_000, 200_000) < CHECK_NS_MAX
