"""What tools publish is taken where it has one meaning, and refused with what to write instead."""

from typing import Any

import pytest

from placet.policy.schemas.engine import schema_check
from placet.policy.schemas.shape import DIALECT, DRAFT_07, shape_faults
from placet.policy.schemas.words import FORMATS, format_fault, looks_around

SEVEN = "http://json-schema.org/draft-07/schema#"


def faults(schema: object) -> list[tuple[str, str, str]]:
    return [
        ("/".join(map(str, steps)), message, hint) for steps, message, hint in shape_faults(schema)
    ]


@pytest.mark.parametrize("dialect", [DIALECT, *sorted(DRAFT_07)])
def test_a_schema_may_name_its_dialect(dialect: str) -> None:
    schema: dict[str, Any] = {
        "$schema": dialect,
        "type": "object",
        "additionalProperties": False,
        "definitions": {"id": {"type": "string", "format": "uuid"}},
        "properties": {"id": {"$ref": "#/definitions/id", "description": "of the thing"}},
    }
    assert faults(schema) == []
    check = schema_check(schema, "", ())
    assert check.reasons({"id": "6f9619ff-8b86-4d01-b42d-00c04fc964ff"}, 1) == []
    assert len(check.reasons({"id": "no"}, 1)) == 1


@pytest.mark.parametrize(
    "dialect",
    ["http://json-schema.org/draft-04/schema#", "https://json-schema.org/draft/2019-09/schema", 7],
)
def test_another_dialect_is_a_fault(dialect: object) -> None:
    found = faults({"$schema": dialect})
    assert [(place, message) for place, message, _ in found] == [
        ("$schema", "the schema is of another dialect")
    ]


def test_a_part_has_the_dialect_of_the_whole() -> None:
    assert faults({"$schema": SEVEN, "not": {"$schema": SEVEN}}) == []
    assert [place for place, *_ in faults({"not": {"$schema": SEVEN}})] == ["not/$schema"]
    inner = {"$schema": SEVEN, "not": {"$schema": DIALECT}}
    assert [place for place, *_ in faults(inner)] == ["not/$schema"]


@pytest.mark.parametrize(
    "keyword",
    [
        "prefixItems",
        "minContains",
        "maxContains",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedProperties",
        "unevaluatedItems",
    ],
)
def test_draft_07_has_no_later_keywords(keyword: str) -> None:
    inner: dict[str, Any] = {"properties": {"a": {keyword: {}}}}
    assert faults(inner) == []
    assert faults({"$schema": SEVEN, **inner}) == [
        (f"properties/a/{keyword}", f"`{keyword}` is no keyword of draft-07", "leave `$schema` out")
    ]


def test_draft_07_reads_nothing_beside_a_reference() -> None:
    schema = {"not": {"$ref": "#/$defs/a", "required": ["b"]}, "$defs": {"a": True}}
    assert faults(schema) == []
    found = faults({"$schema": SEVEN, **schema})
    assert [(place, message) for place, message, _ in found] == [
        ("not/required", "draft-07 does not read `required` beside `$ref`")
    ]


@pytest.mark.parametrize(
    ("schema", "place", "says"),
    [
        ({"items": [{"type": "string"}]}, "items", "prefixItems"),
        ({"additionalItems": False}, "additionalItems", "prefixItems"),
        ({"dependencies": {"a": ["b"]}}, "dependencies", "dependentRequired"),
        ({"nullable": True}, "nullable", "'null'"),
        ({"discriminator": {"propertyName": "kind"}}, "discriminator", "take it out"),
        ({"id": "x"}, "id", "take it out"),
        ({"example": 1}, "example", "did you mean `examples`?"),
        ({"x-order": 1}, "x-order", "take it out"),
        ({"$anchor": "a"}, "$anchor", "#/$defs/"),
        ({"exclusiveMinimum": True}, "exclusiveMinimum", "the bound itself"),
        ({"exclusiveMaximum": False}, "exclusiveMaximum", "the bound itself"),
        ({"required": True}, "required", "as a list"),
        ({"pattern": "^(?!\\.)[a-z.]+$"}, "pattern", "(?!"),
        ({"definitions": {"a": {"nullable": True}}}, "definitions/a/nullable", "'null'"),
        ({"format": "uint32"}, "format", "`minimum: 0` and `maximum: 4294967295`"),
        ({"format": "int8"}, "format", "`minimum: -128` and `maximum: 127`"),
        ({"format": "uint"}, "format", "`minimum: 0`"),
        ({"format": "int"}, "format", "take it out"),
        ({"format": "url"}, "format", "did you mean `uri`?"),
        ({"format": "double"}, "format", "take it out"),
    ],
)
def test_what_is_not_taken_says_what_to_write(schema: object, place: str, says: str) -> None:
    found = faults(schema)
    assert [where for where, *_ in found] == [place]
    assert says in found[0][2]


def test_what_is_data_is_not_read_as_a_schema() -> None:
    data = {"nullable": True, "format": "double"}
    schema = {"default": data, "enum": [data], "const": data, "examples": [data]}
    assert faults(schema) == []


def test_every_format_that_is_taken_is_checked() -> None:
    wrong = dict.fromkeys(FORMATS, "\x00 \\ {%") | {"regex": "("}
    passed = [
        name
        for name in FORMATS
        if format_fault(name) is None
        and schema_check({"format": name}, "", ()).reasons(wrong[name], 1) == []
    ]
    assert passed == []


@pytest.mark.parametrize(
    ("pattern", "is_found"),
    [
        ("(?=a)", True),
        ("a(?!b)", True),
        ("(?<=a)b", True),
        ("(?<!a)b", True),
        (r"\\(?=a)", True),
        ("[^]](?=a)", True),
        (r"\(?=a", False),
        ("[(?=]", False),
        ("[^](?=]", False),
        (r"[\](?=]", False),
        ("(?:a)(?i)(?P<name>b)(?<other>c)", False),
        ("[" * 100_000, False),
    ],
)
def test_looking_around_is_told_from_what_looks_like_it(pattern: str, is_found: bool) -> None:  # noqa: FBT001 -- a column of the table
    assert looks_around(pattern) is is_found
