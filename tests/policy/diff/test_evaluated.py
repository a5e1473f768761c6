"""What a schema takes anew is told, where one keyword asks what others have evaluated."""

import copy
import random  # noqa: TID251 -- the same schemas at each run
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import jsonschema_rs
import pytest

from placet.policy.diff.schemas import schema_changes

Schema: TypeAlias = Any
UNEVALUATED: Final = ("unevaluatedProperties", "unevaluatedItems")
NAMES: Final = (
    *("additionalProperties", "items", "properties", "patternProperties", "prefixItems"),
    *("contains", "unevaluatedProperties", "unevaluatedItems", "allOf", "anyOf", "oneOf"),
    *("not", "if", "then", "else", "dependentSchemas", "propertyNames", "minContains", "$ref"),
)
LEAVES: Final[list[Schema]] = [True, False, {}, {"type": "integer"}, {"const": 1}]
DOCUMENTS: Final[list[Any]] = [
    *({}, {"z": 1}, {"a": 1}, {"a": "x"}, {"a": 1, "z": 1}, {"a": 1, "b": 1}, {"a": {"z": 1}}),
    *({"z": {"z": 1}}, {"a": [1]}, [], [1], ["x"], [1, 1], [1, "x"], ["x", 1], [[1]], [{"z": 1}]),
    *(1, "x"),
]


def small(draw: random.Random, depth: int) -> Schema:
    """Return a schema of a few keywords that evaluate, or that ask what is evaluated."""
    if depth == 0 or draw.random() < 0.15:
        return copy.deepcopy(draw.choice(LEAVES))
    schema: Schema = {}
    for _ in range(draw.randint(1, 3)):
        add(draw, schema, depth)
    return schema


def add(draw: random.Random, schema: Schema, depth: int) -> None:
    """Say one keyword of a schema anew."""
    name = draw.choice(NAMES)
    if name in UNEVALUATED:
        schema[name] = draw.choice([False, False, False, True, {}, {"$ref": "#/$defs/d"}])
    elif name in {"additionalProperties", "items"}:
        schema[name] = draw.choice([True, {}, small(draw, depth - 1)])
    elif name in {"properties", "dependentSchemas"}:
        names = draw.sample(["a", "b"], draw.randint(0, 2))
        schema[name] = {one: small(draw, depth - 1) for one in names}
    elif name == "patternProperties":
        schema[name] = draw.choice([{}, {"^z": small(draw, depth - 1)}])
    elif name in {"allOf", "anyOf", "oneOf", "prefixItems"}:
        schema[name] = [small(draw, depth - 1) for _ in range(draw.randint(1, 2))]
    elif name == "minContains":
        schema[name] = draw.randint(0, 2)
    elif name == "$ref":
        schema[name] = "#/$defs/d"
    else:
        schema[name] = small(draw, depth - 1)


def dicts_in(schema: Schema) -> Iterator[Schema]:
    """Yield a schema's parts that have keywords, itself among them."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key, inner in schema.items():
        if key in {"properties", "patternProperties", "dependentSchemas", "$defs"}:
            for one in inner.values():
                yield from dicts_in(one)
        elif isinstance(inner, list):
            for one in inner:
                yield from dicts_in(one)
        else:
            yield from dicts_in(inner)


def pair(draw: random.Random) -> tuple[Schema, Schema]:
    """Return a schema, and the same one with a keyword or two that are not what they were."""
    old: Schema = {"allOf": [small(draw, 2)], draw.choice(UNEVALUATED): False}
    old |= {"$defs": {"d": small(draw, 0 if draw.random() < 0.5 else 1)}}
    for one in dicts_in(old["$defs"]["d"]):
        one.pop("$ref", None)
    for name in UNEVALUATED:
        if old["$defs"]["d"] is not True and isinstance(old["$defs"]["d"], dict):
            old["$defs"]["d"].pop(name, None)
    if draw.random() < 0.5:
        old |= old.pop("allOf")[0] if isinstance(old["allOf"][0], dict) else {}
    new = copy.deepcopy(old)
    for _ in range(draw.randint(1, 2)):
        here = draw.choice(list(dicts_in(new)))
        keys = [key for key in here if key not in {"$defs", "allOf"}]
        if keys and draw.random() < 0.3:
            del here[draw.choice(keys)]
        else:
            add(draw, here, 1)
    return old, new


def compiled(schema: Schema) -> jsonschema_rs.Draft202012Validator | None:
    """Return a validator, or None for a schema that refers to itself without end."""
    try:
        return jsonschema_rs.Draft202012Validator(schema)
    except (ValueError, jsonschema_rs.ReferencingError):
        return None


def may_widen(old: Schema, new: Schema) -> bool:
    return any(change.may_widen for change in schema_changes("pay", (old, ()), (new, ())))


def takes_more(old: Schema, new: Schema) -> bool:
    before, after = compiled(old), compiled(new)
    if before is None or after is None:
        return False
    return any(after.is_valid(one) and not before.is_valid(one) for one in DOCUMENTS)


CLOSED: Final[Schema] = {"unevaluatedProperties": False, "unevaluatedItems": False}
NOTHING: Final[Schema] = {}
OPEN: Final[list[Schema]] = [
    {"additionalProperties": True, "items": True},
    {"additionalProperties": {}, "items": {}},
    {"unevaluatedProperties": True, "unevaluatedItems": True},
    {"patternProperties": {"": True}, "prefixItems": [True]},
    {"contains": True, "additionalProperties": {}},
]


@pytest.mark.parametrize("opened", OPEN)
@pytest.mark.parametrize("where", ["beside", "in a branch", "behind a reference", "from below"])
def test_a_keyword_that_evaluates_all_is_a_change_where_the_rest_was_refused(
    opened: Schema, where: str
) -> None:
    old, new = {
        "beside": (CLOSED, opened | CLOSED),
        "in a branch": (CLOSED | {"allOf": [{}]}, CLOSED | {"allOf": [opened]}),
        "behind a reference": tuple(
            CLOSED | {"$ref": "#/$defs/d", "$defs": {"d": of}} for of in (NOTHING, opened)
        ),
        "from below": tuple({"allOf": [CLOSED | {"anyOf": [of]}]} for of in (NOTHING, opened)),
    }[where]
    if "unevaluatedItems" in opened and where == "beside":
        new = opened
    assert takes_more(old, new)
    assert may_widen(old, new)


def test_what_is_not_evaluated_is_told_by_what_its_reference_leads_to() -> None:
    old, new = (
        {"unevaluatedProperties": {"$ref": "#/$defs/d"}, "$defs": {"d": of}}
        for of in ({"type": "string"}, {"type": ["integer", "string"]})
    )
    assert takes_more(old, new)
    assert may_widen(old, new)


def test_a_reference_that_is_escaped_is_not_followed() -> None:
    old, new = (
        {"$ref": "#/$defs/a%20b", "$defs": {"a b": of, "a%20b": False}} for of in (False, True)
    )
    assert takes_more(old, new)
    assert may_widen(old, new)


def test_no_small_schema_takes_a_document_anew_without_being_told() -> None:
    """Look from 3,000 schemas to a changed one and back: the same ones at each run."""
    draw = random.Random(20)  # noqa: S311 -- the same schemas at each run, nothing secret
    wider = 0
    for _ in range(3_000):
        old, new = pair(draw)
        for one, other in ((old, new), (new, old)):
            if takes_more(one, other):
                wider += 1
                assert may_widen(one, other), (one, other)
    assert wider > 500
