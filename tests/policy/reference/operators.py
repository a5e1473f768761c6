"""Paths and operators of the contract language, read off its page word by word.

Slow and plain on purpose: nothing is prepared, nothing is kept. It shares no line with the
evaluator that it is compared with.
"""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from placet.kernel.foreign import Json

Doc = dict[str, Any]


class Missing:
    """What stands at a place where a path finds nothing."""


MISSING: Final = Missing()
Found = Json | Missing
Part = str | int | None
"""One part of a path: a name, an index, or null for `[*]`."""

_PARTS: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\['([^']*)'\]|\[(\d+)\]|\[(\*)\]")
NEGATIVE: Final = ("not_equals", "none_of")
REFS: Final = {
    f"{name}_ref": name
    for name in ("equals", "not_equals", "one_of", "none_of", "gt", "gte", "lt", "lte")
}


def parts_of(path: str) -> list[Part]:
    """Take a path apart: `$`, then any of `.name`, `['any text']`, `[0]`, `[*]`."""
    parts: list[Part] = []
    for found in _PARTS.finditer(path):
        name, quoted, index, star = found.groups()
        parts.append(None if star else int(index) if index else name or quoted or "")
    return parts


def places(value: Found, parts: list[Part]) -> list[Found]:
    """Return what stands at every place that the parts select, missing ones among them.

    A `[*]` over an empty list, or over no list, selects one place where nothing is.
    """
    if not parts:
        return [value]
    first, rest = parts[0], parts[1:]
    inside: list[Found] = [MISSING]
    if isinstance(value, list) and first is None:
        inside = [*value] or inside
    elif isinstance(value, list) and isinstance(first, int) and first < len(value):
        inside = [value[first]]
    elif isinstance(value, dict) and isinstance(first, str):
        inside = [value.get(first, MISSING)]
    return [at for one in inside for at in places(one, rest)]


def selected(value: Found, path: str) -> list[Found]:
    """Return the values at a path, or an empty list where it selects none or one is missing."""
    found = places(value, parts_of(path))
    return [] if any(isinstance(one, Missing) for one in found) else found


def exact(value: object) -> Fraction | None:
    """Return a number exactly: an integer as written, another as the decimal printed for it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    return Fraction(Decimal(repr(value))) if isinstance(value, float) else None


def bound(operand: object) -> Fraction:
    """Return a bound: an integer or a decimal string of the contract, or a number in a slot."""
    return Fraction(operand) if isinstance(operand, str) else exact(operand) or Fraction(0)


def kind(value: object) -> str:
    """Return which of JSON's six types a value has."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 -- any JSON
    """JSON equality: by type; numbers by value, objects without regard to order."""
    if isinstance(one, Missing) or isinstance(other, Missing) or kind(one) != kind(other):
        return False
    if kind(one) == "number":
        return exact(one) == exact(other)
    if kind(one) == "array":
        return len(one) == len(other) and all(map(same, one, other))
    if kind(one) == "object":
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def has_type(value: object, wanted: str) -> bool:
    """Tell whether a value is of one of JSON Schema's seven types; 1.0 is an integer."""
    if wanted == "integer":
        number = exact(value)
        return number is not None and number.denominator == 1
    return kind(value) == wanted


def holds(name: str, operand: Any, value: Found) -> bool:  # noqa: ANN401 -- any JSON
    """Tell whether one operator holds for one value. Nothing but `exists: false` bears absence."""
    if name == "exists":
        return isinstance(value, Missing) is not operand
    if isinstance(value, Missing):
        return False
    if name in {"equals", "not_equals", "one_of", "none_of"}:
        operands = operand if name.endswith("_of") else [operand]
        return (
            is_among(value, operands) if name in {"equals", "one_of"} else is_none(value, operands)
        )
    if name in {"length_gte", "length_lte"}:
        length = Fraction(len(value)) if isinstance(value, str | list) else None
        return length is not None and compares(name[-3:], length, Fraction(operand))
    if name == "contains":
        return contains(value, operand)
    if name == "matches":
        return isinstance(value, str) and re.search(operand, value) is not None
    if name == "type":
        return has_type(value, operand)
    number = exact(value)
    return number is not None and compares(name, number, bound(operand))


def is_among(value: Json, operands: list[Any]) -> bool:
    """Tell whether a value is one of the operands."""
    return any(same(value, one) for one in operands)


def is_none(value: Json, operands: list[Any]) -> bool:
    """Tell whether a value is none of the operands, but of a type of theirs."""
    return any(kind(value) == kind(one) for one in operands) and not is_among(value, operands)


def contains(value: Json, operand: object) -> bool:
    """Tell whether a list has an element, or a string a part."""
    if isinstance(value, str):
        return isinstance(operand, str) and operand in value
    return isinstance(value, list) and any(same(one, operand) for one in value)


def compares(name: str, number: Fraction, limit: Fraction) -> bool:
    """Tell whether `number` is `gt`, `gte`, `lt` or `lte` the limit."""
    match name:
        case "gt":
            return number > limit
        case "gte":
            return number >= limit
        case "lt":
            return number < limit
    return number <= limit


def failing(rule: Doc, value: Json) -> list[str]:
    """Return which operators of a rule fail, those against slots aside."""
    return [
        name
        for name, operand in rule.items()
        if name != "path" and name not in REFS and not everywhere(rule, name, operand, value)
    ]


def failing_refs(rule: Doc, value: Json, slots: dict[str, Json]) -> list[str]:
    """Return which operators against a slot fail; an empty slot fails, so does an unfit one."""
    return [
        name
        for name, slot in rule.items()
        if name in REFS
        and not (
            slot in slots
            and is_operand(REFS[name], slots[slot])
            and everywhere(rule, REFS[name], slots[slot], value)
        )
    ]


def is_operand(name: str, value: Json) -> bool:
    """Tell whether what a slot holds can stand where the operator wants its operand."""
    if name in {"one_of", "none_of"}:
        return isinstance(value, list)
    return name in {"equals", "not_equals"} or exact(value) is not None


def everywhere(rule: Doc, name: str, operand: object, value: Json) -> bool:
    """Tell whether an operator holds for every place of the rule's path."""
    return all(holds(name, operand, one) for one in places(value, parts_of(rule["path"])))


def without(value: Json, paths: list[str]) -> Json:
    """Return the value without what stands at the paths."""
    for path in paths:
        value = _cut(value, parts_of(path))
    return value


def _cut(value: Json, parts: list[Part]) -> Json:
    first, rest = parts[0], parts[1:]
    if isinstance(value, list):
        hits = [first in {None, at} for at in range(len(value))]
        if not rest:
            return [one for one, is_hit in zip(value, hits, strict=True) if not is_hit]
        return [_cut(one, rest) if hit else one for one, hit in zip(value, hits, strict=True)]
    if not isinstance(value, dict) or not isinstance(first, str) or first not in value:
        return value
    kept = {key: one for key, one in value.items() if key != first}
    return kept | {first: _cut(value[first], rest)} if rest else kept
