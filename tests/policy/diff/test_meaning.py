"""What one side is said to imply holds for every value that it lets pass."""

from typing import Any

import jsonschema_rs
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.contracts import contracts

from placet.policy.diff.arguments import groups, is_implied
from placet.policy.diff.contracts import diff_contracts
from placet.policy.diff.schema_form import OpaqueError, Schema, normal_form
from placet.policy.diff.schema_meaning import Prover
from placet.policy.model import Contract, Rule
from placet.policy.operators import Operator, operators
from placet.policy.paths import MISSING, Selected
from placet.policy.schemas.engine import compile_pattern
from placet.policy.text.parse import read_contract

SMALL = st.sampled_from([0, 1, 2, 3, "1", "1.5", "2.0"])
WORDS = st.sampled_from([0, 1, 2, 3, 1.5, "", "a", "ab", True, None, [], ["a"], {"a": 1}])
OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("gt", "gte", "lt", "lte"), SMALL),
    **dict.fromkeys(("equals", "not_equals", "contains"), WORDS),
    **dict.fromkeys(("one_of", "none_of"), st.lists(WORDS, max_size=3)),
    **dict.fromkeys(("length_gte", "length_lte"), st.integers(0, 2)),
    "type": st.sampled_from(["integer", "number", "string", "array", "null", "boolean"]),
    "matches": st.sampled_from(["a", "^a$"]),
    "exists": st.booleans(),
}
VALUES: list[Any] = [
    *(0, 1, 2, 3, 4, -1, 0.5, 1.0, 1.5, 1.75, 2.5, "", "a", "ab", "b", "aab", True, False, None),
    *([], ["a"], ["a", "b"], [1, 2, 3], {}, {"a": 1}, MISSING),
]
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["integer", "string", "object", "array"])
    | st.lists(st.sampled_from(["number", "string", "null", "integer"]), min_size=1, unique=True),
    "enum": st.lists(WORDS, min_size=1, max_size=3),
    "const": WORDS,
    **dict.fromkeys(("minimum", "maximum"), st.sampled_from([0, 1, 1.5, 2])),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), st.sampled_from([0, 1, 1.5, 2])),
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), st.integers(0, 2)),
    **dict.fromkeys(("minProperties", "maxProperties"), st.integers(0, 2)),
    "pattern": st.sampled_from(["a", "^a$"]),
    "uniqueItems": st.booleans(),
    "required": st.lists(st.sampled_from(["a", "b"]), unique=True),
}


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw schemas that hold others."""
    some = st.lists(inner, min_size=1, max_size=2)
    names = st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    optional: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), some),
        **dict.fromkeys(("not", "items", "additionalProperties", "propertyNames"), inner),
        **dict.fromkeys(("contains", "if", "then", "unevaluatedProperties"), inner),
        "properties": names,
        "patternProperties": st.fixed_dictionaries({"^a": inner}),
        "$ref": st.just("#/$defs/d"),
    }
    return keywords(optional)


def keywords(of: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(st.sampled_from(list(of)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: of[name] for name in names})
    )


SCHEMAS = st.recursive(st.booleans() | keywords(KEYWORDS), nested, max_leaves=4)
INSTANCES: list[Any] = [
    *(0, 1, 2, 3, -1, 0.5, 1.5, "", "a", "ab", "b", True, None, [], ["a"], ["a", "a"], [1, 2]),
    *([1, "a", 3], {}, {"a": 1}, {"b": 1}, {"a": "a", "b": 2}, {"a": {}}, {"c": 1}, {"a": ["a"]}),
]


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """Draw two schemas that often have much in common."""
    one, other = draw(SCHEMAS), draw(SCHEMAS)
    match draw(st.sampled_from(["apart", "joined", "merged", "nested"])):
        case "joined":
            return {"allOf": [one, other]}, other
        case "merged" if isinstance(one, dict) and isinstance(other, dict):
            kept = draw(st.sets(st.sampled_from([*one, "x"])))
            return one, {key: it for key, it in one.items() if key in kept} | other
        case "nested":
            key = draw(st.sampled_from(["items", "additionalProperties", "propertyNames", "not"]))
            return {key: one}, {key: other}
    return one, other


PAIRS = pairs()


def rules_of(drawn: dict[str, Any]) -> list[Rule]:
    return [msgspec.convert({"path": "$.v", name: it}, Rule) for name, it in drawn.items()]


def passes(tests: list[Operator], value: Selected) -> bool:
    return all(test.fault([value]) is None for test in tests)


def asked_of(rules: list[Rule]) -> list[Operator]:
    return [test for rule in rules for test in operators(rule, "", compile_pattern)]


@settings(max_examples=250, deadline=None)
@given(keywords(OPERANDS), keywords(OPERANDS))
def test_rules_that_imply_others_let_nothing_more_pass(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    mine, others = rules_of(one), rules_of(other)
    if is_implied(groups(mine, ()), groups(others, ())):
        tests, wanted = asked_of(mine), asked_of(others)
        assert all(passes(wanted, value) for value in VALUES if passes(tests, value))


@settings(max_examples=250, deadline=None)
@given(PAIRS, SCHEMAS)
def test_a_schema_that_implies_another_takes_nothing_more(
    pair: tuple[Schema, Schema], shared: Schema
) -> None:
    one, other = pair
    one, other = with_definition(one, shared), with_definition(other, shared)
    try:
        formed, wanted = normal_form(one), normal_form(other)
    except OpaqueError:
        return
    if Prover().implies(formed, wanted):
        mine, others = (jsonschema_rs.Draft202012Validator(each) for each in (one, other))
        assert all(others.is_valid(it) for it in INSTANCES if mine.is_valid(it))


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, SCHEMAS)
def test_the_normal_form_of_a_schema_takes_the_same(one: Schema, shared: Schema) -> None:
    whole = with_definition(one, shared)
    try:
        formed = normal_form(whole)
    except OpaqueError:
        return
    known, found = (jsonschema_rs.Draft202012Validator(each) for each in (whole, formed))
    assert [known.is_valid(it) for it in INSTANCES] == [found.is_valid(it) for it in INSTANCES]


def with_definition(schema: Schema, shared: Schema) -> Schema:
    return {"$defs": {"d": shared}, "allOf": [schema]}


@settings(max_examples=60, deadline=None)
@given(contracts(), contracts())
def test_any_two_contracts_can_be_compared_and_none_differs_from_itself(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    old, new = read_contract(one), read_contract(other)
    if isinstance(old, Contract) and isinstance(new, Contract):
        assert diff_contracts(old, old) == []
        for change in diff_contracts(old, new):
            assert change.path.startswith("$")
            assert change.text
