"""What calls have in common: types, few values, ranges; and what is not told of them."""

from typing import Any

import pytest

from placet.kernel.foreign import Json
from placet.studio.inferred_rules.observing import CHOICES_MAX, bounds_of, observe, schema_of


def bounds(*calls: dict[str, Json]) -> dict[str, dict[str, Json]]:
    return {path: rule for path, rule, _ in bounds_of(observe(calls))}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], {"type": "integer"}),
        ([1, 2.5], {"type": "number"}),
        (["a", None], {"type": ["null", "string"]}),
        ([True, False], {"type": "boolean"}),
        ([[1], ["a"]], {"type": "array", "items": {"type": ["integer", "string"]}}),
        ([[], []], {"type": "array"}),
        ([{}, {}], {"type": "object"}),
        (
            [{"a": 1}, {"a": 2, "b": "x"}],
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["a"],
                "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
            },
        ),
    ],
)
def test_a_schema_has_the_types_that_were_seen(values: list[Json], expected: Any) -> None:  # noqa: ANN401 -- JSON
    seen = observe({"x": value} for value in values)
    assert schema_of(seen.inner["x"]) == expected


def test_a_property_that_is_not_in_every_call_is_not_required() -> None:
    assert "required" not in schema_of(observe([{"a": 1}, {"b": 1}]))


def test_few_values_that_came_back_are_a_choice_and_others_are_none() -> None:
    twice: list[dict[str, Json]] = [{"to": "a"}, {"to": "b"}, {"to": "b"}, {"to": "a"}]
    assert bounds(*twice) == {"$.to": {"path": "$.to", "one_of": ["a", "b"]}}
    assert bounds(*twice, {"to": "c"}) == {}
    assert bounds(*twice, {"to": 1}) == {}
    texts: list[Json] = [f"{number}" for number in range(CHOICES_MAX + 1)]
    many = [{"to": text} for text in texts] * 2
    assert bounds(*many) == {}
    few = [{"to": text} for text in texts[:CHOICES_MAX]] * 2
    assert len(bounds(*few)) == 1


def test_what_was_redacted_is_no_choice() -> None:
    text: Json = "[redacted:email]"
    assert bounds(*[{"to": text}] * 4) == {}


def test_numbers_have_a_range_and_truths_have_none() -> None:
    assert bounds({"n": 3}, {"n": -1.5}) == {"$.n": {"path": "$.n", "gte": "-1.5", "lte": 3}}
    assert bounds({"n": 1e300}, {"n": 1}) == {}
    assert bounds({"n": float("nan")}, {"n": float("inf")}) == {}
    assert bounds({"n": True}, {"n": False}) == {}


def test_bounds_are_found_within_objects_and_not_within_lists() -> None:
    assert bounds({"a": {"b c": 1}, "l": [1]}, {"a": {"b c": 4}, "l": [2]}) == {
        "$.a['b c']": {"path": "$.a['b c']", "gte": 1, "lte": 4}
    }
