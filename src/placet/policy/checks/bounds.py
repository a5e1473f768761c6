"""Findings about rules on one path: bounds that exclude everything, and bounds that add nothing."""

import dataclasses
from collections.abc import Callable, Iterator
from decimal import ROUND_FLOOR, Decimal
from typing import Final, cast

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.checks.found import found
from placet.policy.finding import Finding
from placet.policy.model import Rule
from placet.policy.numbers import Number, bound, exact, is_number, normal
from placet.policy.operators import Operator, Pattern, operands, operators
from placet.policy.paths import Path, PathError, Selected, parse_path
from placet.policy.schemas.paths import Schema, SchemaPaths
from placet.policy.text.tree import Steps

_LOWER: Final = {"gt": True, "gte": False}
_UPPER: Final = {"lt": True, "lte": False}
_WANTS: Final = {
    "gt": {"number", "integer"},
    "gte": {"number", "integer"},
    "lt": {"number", "integer"},
    "lte": {"number", "integer"},
    "matches": {"string"},
    "contains": {"string", "array"},
    "length_gte": {"string", "array"},
    "length_lte": {"string", "array"},
}
_NAMING: Final = {"equals", "one_of"}
_EXCLUDES: Final = "excludes_everything"


@dataclasses.dataclass(frozen=True, slots=True)
class RuleAt:
    """A rule and the place where it stands."""

    steps: Steps
    rule: Rule


@dataclasses.dataclass(frozen=True, slots=True)
class _Given:
    """One operator with its operand and its place."""

    steps: Steps
    name: str
    operand: object
    rule: Rule


@dataclasses.dataclass(frozen=True, slots=True)
class _Limit:
    """A bound of one side."""

    value: Number
    is_strict: bool
    steps: Steps


def check_bounds(rules: list[RuleAt], schema: SchemaPaths | None) -> Iterator[Finding]:
    """Yield operators on one path that nothing can meet, or that others imply.

    `schema` is that of the document which the rules read, where it is known.
    """
    groups: dict[str, tuple[Path, list[_Given]]] = {}
    for at in rules:
        try:
            path = parse_path(at.rule.path)
        except PathError:
            continue
        given = [_Given((*at.steps, name), name, it, at.rule) for name, it in operands(at.rule)]
        groups.setdefault(path.text, (path, []))[1].extend(given)
    for path, given in groups.values():
        yield from _group(path, given, schema)


def _group(path: Path, given: list[_Given], schema: SchemaPaths | None) -> Iterator[Finding]:
    yield from _absence(path, given)
    yield from _candidates(path, given)
    ends = []
    for sides in ((_LOWER, _UPPER), ({"length_gte": False}, {"length_lte": False})):
        lower, upper = (_limits(given, side) for side in sides)
        low = _strongest(lower, _is_higher)
        high = _strongest(upper, _is_lower)
        yield from _implied(path, lower, low)
        yield from _implied(path, upper, high)
        if _is_empty(low, high):
            yield _excluding(path, low, high)
            return
        ends.append((low, high))
    shapes = [] if schema is None else schema.leaves(path.parts)
    if given and shapes and not any(_fits(shape, given, ends[0]) for shape in shapes):
        message = f"no value that the schema allows at `{path.text}` meets this rule"
        yield found(_EXCLUDES, given[0].steps, message, "mend the rule or the schema")


def _absence(path: Path, given: list[_Given]) -> Iterator[Finding]:
    absent = next((one for one in given if one.name == "exists" and one.operand is False), None)
    other = next((one for one in given if one.name != "exists" or one.operand is True), None)
    if absent is not None and other is not None:
        later, earlier = sorted((absent, other), key=given.index, reverse=True)
        message = f"`{path.text}` must be missing and must have a value"
        yield found(_EXCLUDES, later.steps, message, related=earlier.steps)


def _candidates(path: Path, given: list[_Given]) -> Iterator[Finding]:
    """Try the few values that `equals` and `one_of` leave against every other operator."""
    naming = [one for one in given if one.name in _NAMING]
    if not naming:
        return
    values = _named(naming[0])
    for one in naming[1:]:
        others = _named(one)
        values = {key: value for key, value in values.items() if key in others}
    tests = _tests([one for one in given if one.name not in _NAMING])
    if not any(_passes(tests, value) for value in values.values()):
        message = f"no value of `{path.text}` meets all of its rules"
        yield found(_EXCLUDES, naming[-1].steps, message)


def _named(one: _Given) -> dict[bytes, object]:
    """Return the values that an operator names, by a key that equal values share."""
    named = one.operand if isinstance(one.operand, tuple) else (one.operand,)
    return {foreign.encode(normal(cast("Json", it))): it for it in named}


def _passes(tests: list[Operator], value: object) -> bool:
    return all(test.fault([cast("Selected", value)]) is None for test in tests)


def _tests(given: list[_Given]) -> list[Operator]:
    """Return operators as tests on a bare value; patterns are not tried."""
    return [
        made
        for one in given
        for made in operators(
            msgspec.convert({"path": "$", one.name: one.operand}, Rule), "", _any_pattern
        )
    ]


def _any_pattern(_: str) -> Pattern:
    return Pattern(search=lambda _: True, ns_per_byte=0)


def _limits(given: list[_Given], side: dict[str, bool]) -> list[_Limit]:
    return [
        _Limit(bound(one.operand), side[one.name], one.steps)
        for one in given
        if one.name in side and isinstance(one.operand, int | str)
    ]


def _is_higher(one: _Limit, other: _Limit) -> bool:
    return one.value > other.value or (one.value == other.value and one.is_strict > other.is_strict)


def _is_lower(one: _Limit, other: _Limit) -> bool:
    return one.value < other.value or (one.value == other.value and one.is_strict > other.is_strict)


def _strongest(limits: list[_Limit], beats: Callable[[_Limit, _Limit], bool]) -> _Limit | None:
    best: _Limit | None = None
    for one in limits:
        if best is None or beats(one, best):
            best = one
    return best


def _implied(path: Path, limits: list[_Limit], best: _Limit | None) -> Iterator[Finding]:
    for one in limits:
        if best is not None and one is not best:
            message = f"another bound on `{path.text}` already implies this one"
            yield found("rule_implied", one.steps, message, "keep one", related=best.steps)


def _is_empty(low: _Limit | None, high: _Limit | None) -> bool:
    if low is None or high is None:
        return False
    return low.value > high.value or (low.value == high.value and (low.is_strict or high.is_strict))


def _excluding(path: Path, low: _Limit | None, high: _Limit | None) -> Finding:
    one, other = (low.steps if low else ()), (high.steps if high else ())
    later, earlier = max(one, other, key=repr), min(one, other, key=repr)
    message = f"no value of `{path.text}` meets both bounds"
    return found(_EXCLUDES, later, message, related=earlier)


def _fits(shape: Schema, given: list[_Given], ends: tuple[_Limit | None, _Limit | None]) -> bool:
    """Say whether a value could fit one schema and the rules, by type and numeric bounds."""
    if not isinstance(shape, dict):
        return True
    types = shape.get("type")
    allowed = {types} if isinstance(types, str) else set(cast("list[str]", types or []))
    for one in given:
        wanted = _WANTS.get(one.name)
        if allowed and wanted is not None and not allowed & wanted:
            return False
    low, high = ends
    lows = [limit for limit in (low, *_shape_limits(shape, "minimum", "exclusiveMinimum")) if limit]
    highs = [
        limit for limit in (high, *_shape_limits(shape, "maximum", "exclusiveMaximum")) if limit
    ]
    low, high = _strongest(lows, _is_higher), _strongest(highs, _is_lower)
    if (low is None and high is None) or not any(one.name in _LOWER | _UPPER for one in given):
        return True
    if allowed == {"integer"}:
        return not _is_without_integer(low, high)
    return not _is_empty(low, high)


def _shape_limits(shape: dict[str, object], plain: str, strict: str) -> Iterator[_Limit]:
    for name in (plain, strict):
        value = shape.get(name)
        if is_number(value):
            yield _Limit(exact(cast("float", value)), name == strict, ())


def _is_without_integer(low: _Limit | None, high: _Limit | None) -> bool:
    if low is None or high is None:
        return False
    floor = int(Decimal(low.value).to_integral_value(rounding=ROUND_FLOOR))
    first = floor if floor == low.value and not low.is_strict else floor + 1
    return first > high.value or (first == high.value and high.is_strict)
