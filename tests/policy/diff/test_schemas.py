"""What a change of an input schema is told to be, by what the schemas take."""

from typing import Any, Final

import pytest
from tests.policy.diff.small import Said, diff, kinds


def schema(**of: Any) -> Said:  # noqa: ANN401 -- any keyword
    return {"pay.input_schema": {"type": "object", **of}}


def member(**of: Any) -> Said:  # noqa: ANN401 -- any keyword
    return schema(properties={"n": of})


SAME: Final[dict[str, tuple[Said, Said]]] = {
    "no schema and a true one": ({}, {"pay.input_schema": True}),
    "a schema with words alone": (schema(), schema(title="x", description="y")),
    "a reference": (
        member(type="string"),
        schema(properties={"n": {"$ref": "#/$defs/t"}}, **{"$defs": {"t": {"type": "string"}}}),
    ),
    "a constant": (member(const=1), member(enum=[1.0])),
    "a bound that never bites": (member(type="string"), member(type="string", minimum=4)),
    "one of all types": (member(), member(anyOf=[{"type": "string"}, True])),
}
KINDS: Final[dict[str, tuple[Said, Said, list[str]]]] = {
    "a schema": ({}, schema(), ["narrowed"]),
    "no schema": (schema(), {}, ["widened"]),
    "a member that is not taken": (
        schema(additionalProperties=False, properties={"n": {}}),
        schema(additionalProperties=False),
        ["narrowed"],
    ),
    "a member of an open schema": (schema(), member(type="string"), ["narrowed"]),
    "an open schema": (schema(additionalProperties=False), schema(), ["widened"]),
    "a needed member": (schema(required=["n"]), schema(required=["n", "m"]), ["narrowed"]),
    "a member needed no more": (schema(required=["n"]), schema(), ["widened"]),
    "a greater maximum": (member(maximum=5), member(maximum=6), ["widened"]),
    "an exclusive maximum": (member(maximum=5), member(exclusiveMaximum=5), ["narrowed"]),
    "a smaller list": (member(enum=[1, 2]), member(enum=[1]), ["narrowed"]),
    "another list": (member(enum=[1, 2]), member(enum=[3]), ["changed?"]),
    "another type": (member(type="string"), member(type=["string", "null"]), ["widened"]),
    "an integer": (member(type="number"), member(type="integer"), ["narrowed"]),
    "another pattern of a member": (member(pattern="a"), member(pattern="b"), ["changed?"]),
    "a longer list": (
        member(items={"maxLength": 2}, maxItems=3),
        member(items={"maxLength": 3}, maxItems=4),
        ["widened", "widened"],
    ),
    "another first element": (
        member(prefixItems=[{"const": 1}]),
        member(prefixItems=[{"enum": [1, 2]}]),
        ["widened"],
    ),
    "one alternative more": (
        member(anyOf=[{"type": "string"}]),
        member(anyOf=[{"type": "string"}, {"type": "null"}]),
        ["widened"],
    ),
    "a narrower alternative": (
        member(anyOf=[{"type": "string"}, {"type": "null"}]),
        member(anyOf=[{"type": "string", "maxLength": 3}, {"type": "null"}]),
        ["narrowed"],
    ),
    "one of others": (
        member(oneOf=[{"minimum": 1}, {"maximum": 5}]),
        member(oneOf=[{"minimum": 2}, {"maximum": 5}]),
        ["changed?"],
    ),
    "not less": (member(**{"not": {"enum": [1, 2]}}), member(**{"not": {"const": 1}}), ["widened"]),
    "a constant out of the list": (member(enum=[1]), member(const=2, enum=[1]), ["narrowed"]),
    "other members by a pattern": (
        schema(patternProperties={"^a": {"type": "string"}}, additionalProperties=False),
        schema(additionalProperties=False, properties={"a": {"type": "string"}}),
        ["changed?"],
    ),
    "what is not evaluated": (
        schema(unevaluatedProperties=False),
        schema(properties={"n": True}, unevaluatedProperties=False),
        ["changed?"],
    ),
    "a schema of itself": (
        schema(properties={"n": {"$ref": "#"}}),
        schema(properties={"n": {"$ref": "#"}, "m": {"type": "string"}}),
        ["changed?"],
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_schemas_that_take_the_same_are_no_change(name: str) -> None:
    one, other = SAME[name]
    assert diff(one, other) == []
    assert diff(other, one) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_change_is_told_by_what_the_schema_takes(name: str) -> None:
    old, new, expected = KINDS[name]
    assert kinds(old, new) == expected
    assert not ("narrowed" in expected and set(kinds(new, old)) <= {"changed", "narrowed"})


def test_a_keyword_of_a_schema_has_its_own_place() -> None:
    change, *others = diff(member(maxLength=2), member(maxLength=3))
    assert others == []
    assert change.path == "$.tools[1].input_schema.properties.n.maxLength"
    assert change.text == (
        "in the schema of `$.n`, `maxLength` is `3` (before: in the schema of `$.n`, "
        "`maxLength` is `2`)"
    )


def test_a_schema_that_branches_without_end_is_compared_in_time() -> None:
    def nested(leaf: str, depth: int) -> dict[str, Any]:
        if depth == 0:
            return {"pattern": leaf}
        branch = {"properties": {"n": nested(leaf, depth - 1)}}
        return {"anyOf": [branch | {"maxProperties": most} for most in range(3, 7)]}

    old, new = (schema(**nested(leaf, 5)) for leaf in ("a", "b"))
    assert set(kinds(old, new)) == {"changed?"}
