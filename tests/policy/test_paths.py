"""Paths: what is one, what it selects, and one canonical text for each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.kernel import foreign
from placet.policy.paths import MISSING, PathError, is_under, parse_path, path_text, select


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("$", "$"),
        ("$.a", "$.a"),
        ("$['a']", "$.a"),
        ("$.a._b9[0][*]", "$.a._b9[0][*]"),
        ("$['a b']", "$['a b']"),
        ("$['9']", "$['9']"),
        ("$['']", "$['']"),
        ("$['*']", "$['*']"),
        ("$['é']", "$['é']"),
        (r"$['it\'s']", r"$['it\'s']"),
        (r"$['back\\slash']", r"$['back\\slash']"),
        ("$" + ".a" * 16, "$" + ".a" * 16),
    ],
)
def test_a_path_has_one_canonical_text(text: str, canonical: str) -> None:
    path = parse_path(text)
    assert path.text == canonical
    assert parse_path(canonical) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        ".a",
        "$a",
        "$.",
        "$..a",
        "$.a.",
        "$.9",
        "$.a b",
        "$.é",
        "$[a]",
        '$["a"]',
        "$['a]",
        "$['a\\x']",
        "$[01]",
        "$[-1]",
        "$[1:2]",
        "$[?(@.a)]",
        "$[9999999999]",
        "$.*",
        "$['a','b']",
        "$" + ".a" * 17,
        " $.a",
        "$.a ",
    ],
)
def test_anything_else_of_jsonpath_is_no_path(text: str) -> None:
    with pytest.raises(PathError):
        parse_path(text)


@pytest.mark.parametrize(
    ("text", "document", "expected"),
    [
        ("$", b"1", [1]),
        ("$.a.b", b'{"a": {"b": null}}', [None]),
        ("$.a.b", b'{"a": [{"b": 1}]}', [MISSING]),
        ("$.a[1]", b'{"a": [1, 2]}', [2]),
        ("$.a[2]", b'{"a": [1, 2]}', [MISSING]),
        ("$.a[0]", b'{"a": "text"}', [MISSING]),
        ("$.a[*]", b'{"a": [1, [2]]}', [1, [2]]),
        ("$.a[*]", b'{"a": {"b": 1}}', [MISSING]),
        ("$.a[*]", b'{"a": []}', [MISSING]),
        ("$.a[*].b", b'{"a": [{"b": 1}, {}, 2]}', [1, MISSING, MISSING]),
        ("$[*][*]", b"[[1], [], [2, 3]]", [1, MISSING, 2, 3]),
        ("$[*][0]", b"[[1], 5]", [1, MISSING]),
    ],
)
def test_a_path_selects_values_and_tells_each_missing_one(
    text: str, document: bytes, expected: list[object]
) -> None:
    assert select(parse_path(text), foreign.parse(document)) == expected


@given(st.lists(st.one_of(st.text(max_size=5), st.integers(0, 999)), max_size=16))
def test_every_list_of_keys_and_indexes_has_a_path(parts: list[str | int]) -> None:
    assert parse_path(path_text(tuple(parts))).parts == tuple(parts)


def test_a_place_is_under_itself_and_under_what_holds_it() -> None:
    card = parse_path("$.items[*].card").parts
    assert is_under(("items", 3, "card"), card)
    assert is_under(("items", 3, "card", "number"), card)
    assert not is_under(("items", 3), card)
    assert not is_under(("items", "x", "card"), card)
    assert not is_under(("items", 3, "cards"), card)
