"""What is no schema is told as one that cannot be compared, whatever it is."""

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.policy.diff.change import ChangeKind
from placet.policy.diff.schema_form import OpaqueError, normal_form
from placet.policy.diff.schemas import schema_changes

BASE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "n": {"maximum": 3}},
    "allOf": [{"minProperties": 1}],
}
NONE: Final = [
    *({name: 5} for name in ("type", "enum", "required", "format", "pattern", "uniqueItems")),
    *({name: 5} for name in ("properties", "patternProperties", "dependentRequired", "items")),
    *({name: 5} for name in ("allOf", "anyOf", "oneOf", "prefixItems", "not", "$ref")),
    *({name: "5"} for name in ("maximum", "minLength", "multipleOf", "maxItems")),
    {"type": ["string", {}]},
    {"anyOf": [5]},
    {"properties": {"note": {"enum": {}}}},
]
KEYWORDS: Final = [
    "type",
    "enum",
    "const",
    "required",
    "properties",
    "patternProperties",
    "additionalProperties",
    "items",
    "prefixItems",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minLength",
    "pattern",
    "uniqueItems",
    "contains",
    "minContains",
    "dependentRequired",
    "dependentSchemas",
    "propertyNames",
    "$ref",
    "$defs",
    "multipleOf",
    "format",
]
LEAVES: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [None, True, False, 0, 5, -1, 1.5, "a", "string", "object", "#", "#/$defs/a", "a", [], {}]
)
ANYTHING: Final = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYWORDS, "a", "n"]), inner, max_size=4)
    ),
    max_leaves=12,
)
SCHEMAS: Final = st.dictionaries(st.sampled_from(KEYWORDS), ANYTHING, max_size=4)


@pytest.mark.parametrize("schema", NONE, ids=str)
def test_what_is_no_schema_has_no_form(schema: dict[str, object]) -> None:
    with pytest.raises(OpaqueError):
        normal_form({"properties": {"n": schema}})


def test_references_that_lead_ever_deeper_have_no_form() -> None:
    defs: dict[str, object] = {"d0": {"type": "string"}}
    for at in range(1, 900):
        defs[f"d{at}"] = {"properties": {"n": {"$ref": f"#/$defs/d{at - 1}"}}}
    with pytest.raises(OpaqueError):
        normal_form({"$defs": defs, "$ref": "#/$defs/d899"})


def test_alternatives_beside_each_other_are_compared_without_end_of_the_stack() -> None:
    def many(least: int) -> dict[str, object]:
        each = [{"anyOf": [{"minimum": least + n}, {"maximum": -n}]} for n in range(90)]
        return {"allOf": each}

    (change, *_) = schema_changes("pay", (many(1), ()), (many(2), ()))
    assert change.kind in ChangeKind


@given(SCHEMAS, SCHEMAS)
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_for_a_schema_is_compared(
    one: dict[str, object], other: dict[str, object]
) -> None:
    for old, new in ((BASE, one), (one, other), (other, BASE)):
        assert all(
            change.kind in ChangeKind for change in schema_changes("pay", (old, ()), (new, ()))
        )
