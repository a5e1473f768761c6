"""What a schema can take at most: how long for each value, and for each byte, of a document.

A schema that refers to itself, or to one of its parts by two ways, may look at one value any
number of times: thirty references that each double the work are enough to stop a service. The
times here are upper bounds that were measured with the library on slow hardware and rounded up.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import unquote

from placet.kernel.foreign import DEPTH_MAX

NODES_MAX: Final = 2_000
"""Parts of one schema, each reference followed once."""

REFERENCES_MAX: Final = 100
"""Parts that are looked at for one value one inside the other: the library recurses into them."""

NAMES_MAX: Final = 4_000
"""Names of properties that are kept apart, over all parts; beyond, none are, and the bound is high.
"""

NS_MAX: Final = 10**12
_STEP: Final = 100
_MULTIPLE: Final = 30_000
_FLOAT: Final = 1_600
_INTEGER: Final = 400
_NESTED: Final = 200
_FORMAT_BYTE: Final = 60
_UNIQUE_BYTE: Final = 1_000
"""A value is looked at as often as it stands inside others, up to the depth of a document."""

_AGAIN: Final = 3
"""How often the library looks where `unevaluated…` stands: to judge, and to see what was judged."""

_UNEVALUATED: Final = frozenset({"unevaluatedProperties", "unevaluatedItems"})
_ONE: Final = {
    "not": "here",
    "if": "here",
    "then": "here",
    "else": "here",
    "items": "named",
    "additionalProperties": "each",
    "unevaluatedProperties": "each",
    "propertyNames": "each",
    "contains": "each",
    "unevaluatedItems": "each",
}
_SOME: Final = {
    "allOf": "here",
    "anyOf": "here",
    "oneOf": "here",
    "dependentSchemas": "here",
    "properties": "named",
    "prefixItems": "named",
    "patternProperties": "each",
}


class SchemaCostError(ValueError):
    """A schema whose cost has no bound, or that is too large to say; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """Nanoseconds: once, for each value of a document, and for each byte of its text."""

    fixed: int = 0
    per_value: int = 0
    per_byte: int = 0

    def plus(self, other: "Cost") -> "Cost":
        """Return the cost of both."""
        return Cost(
            min(NS_MAX, self.fixed + other.fixed),
            min(NS_MAX, self.per_value + other.per_value),
            min(NS_MAX, self.per_byte + other.per_byte),
        )

    def times(self, count: int) -> "Cost":
        """Return the cost of doing it so many times."""
        return Cost(
            min(NS_MAX, self.fixed * count),
            min(NS_MAX, self.per_value * count),
            min(NS_MAX, self.per_byte * count),
        )

    def highest(self, other: "Cost") -> "Cost":
        """Return the higher of each."""
        return Cost(
            max(self.fixed, other.fixed),
            max(self.per_value, other.per_value),
            max(self.per_byte, other.per_byte),
        )

    def of(self, values: int, size: int) -> int:
        """Return nanoseconds for a document with so many values and bytes."""
        return self.fixed + self.per_value * values + self.per_byte * size


_NOTHING: Final = Cost()


@dataclasses.dataclass(slots=True)
class _Part:
    """A part of a schema: its own cost, and the numbers of the parts that it leads to.

    `here` look at the same value, and `each` at every value within. Of `named` one looks at each
    value within: by the name of a property, and by no name at the elements of a list. Those of
    `here` and `each` look so many `times`.
    """

    own: Cost = _NOTHING
    here: list[int] = dataclasses.field(default_factory=list)
    named: dict[str | None, list[int]] = dataclasses.field(default_factory=dict)
    each: list[int] = dataclasses.field(default_factory=list)
    times: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class _Level:
    """What a part takes for the values so many levels within: for any, and more by their names.

    A value stands under one name. So parts that look at the same value and lead on by different
    names do not add up, as in a filter that is an `and` of filters or an `or` of filters.
    """

    any: Cost = _NOTHING
    by_name: dict[str | None, Cost] = dataclasses.field(default_factory=dict)

    def total(self) -> Cost:
        """Return the cost for the value that takes most."""
        return self.any.plus(_highest(self.by_name.values()))


def _highest(costs: Iterable[Cost]) -> Cost:
    worst = _NOTHING
    for cost in costs:
        worst = worst.highest(cost)
    return worst


def schema_cost(schema: object, pattern_ns: Callable[[str], int]) -> Cost:
    """Return what a schema can take. `pattern_ns` says what a pattern takes for each byte.

    Raises `SchemaCostError`, and whatever `pattern_ns` raises.
    """
    parts = _Parts(schema, pattern_ns).all
    order = _inner_first(parts)
    is_fine = _has_few_names(parts, order)
    before = [_NOTHING] * len(parts)
    worst = _NOTHING
    for depth in range(DEPTH_MAX + 1):
        levels = [_Level()] * len(parts)
        for number in order:
            own = parts[number].own if depth == 0 else _NOTHING
            level = _level(parts[number], own, levels, before)
            levels[number] = level if is_fine else _Level(level.total())
        costs = [level.total() for level in levels]
        worst = worst.highest(costs[0])
        if costs == before or worst.per_value == NS_MAX:
            break
        before = costs
    return worst


def _level(part: _Part, own: Cost, levels: list[_Level], before: list[Cost]) -> _Level:
    """Return the costs for values so many levels within, from those one level less deep."""
    repeated = _NOTHING
    by_name = {
        name: _highest(before[number] for number in numbers) for name, numbers in part.named.items()
    }
    for number in part.here:
        repeated = repeated.plus(levels[number].any)
        for name, cost in levels[number].by_name.items():
            by_name[name] = by_name.get(name, _NOTHING).plus(cost.times(part.times))
    for number in part.each:
        repeated = repeated.plus(before[number])
    return _Level(own.plus(repeated.times(part.times)), by_name)


def _has_few_names(parts: list[_Part], order: list[int]) -> bool:
    """Say whether the names that each part leads on by, those of its `here` too, are few."""
    names: list[frozenset[str | None]] = [frozenset()] * len(parts)
    room = NAMES_MAX
    for number in order:
        part = parts[number]
        names[number] = frozenset(part.named).union(*(names[inner] for inner in part.here))
        room -= len(names[number])
        if room < 0:
            return False
    return True


def _inner_first(parts: list[_Part]) -> list[int]:
    """Return the numbers of the parts, each after those that look at the same value for it."""
    order: list[int] = []
    height: dict[int, int] = {}
    is_open: set[int] = set()
    for root in range(len(parts)):
        stack = [] if root in height else [root]
        while stack:
            number = stack[-1]
            is_open.add(number)
            inner = next((one for one in parts[number].here if one not in height), None)
            if inner is not None:
                if inner in is_open:
                    message = "a reference leads back to where it stands, without an end"
                    raise SchemaCostError(message)
                stack.append(inner)
                continue
            is_open.remove(stack.pop())
            order.append(number)
            height[number] = 1 + max((height[one] for one in parts[number].here), default=0)
            if height[number] > REFERENCES_MAX:
                message = f"more than {REFERENCES_MAX} parts look at one value through each other"
                raise SchemaCostError(message)
    return order


class _Parts:
    """The parts of a schema, the whole first."""

    def __init__(self, root: object, pattern_ns: Callable[[str], int]) -> None:
        self.all: list[_Part] = []
        self._numbers: dict[int, int] = {}
        self._pattern_ns = pattern_ns
        self._add(root)
        todo = [root]
        while todo:
            schema = todo.pop()
            part = self.all[self._numbers[id(schema)]]
            part.own = self._own(schema)
            if isinstance(schema, dict) and not _UNEVALUATED.isdisjoint(schema):
                part.times = _AGAIN
            for how, name, inner in _leads(schema, root):
                if id(inner) not in self._numbers:
                    self._add(inner)
                    todo.append(inner)
                number = self._numbers[id(inner)]
                if how == "named":
                    part.named.setdefault(name, []).append(number)
                else:
                    (part.here if how == "here" else part.each).append(number)

    def _add(self, schema: object) -> None:
        if len(self.all) >= NODES_MAX:
            message = f"the schema has more than {NODES_MAX:,} parts"
            raise SchemaCostError(message)
        self._numbers[id(schema)] = len(self.all)
        self.all.append(_Part())

    def _own(self, schema: object) -> Cost:
        if not isinstance(schema, dict):
            return Cost(per_value=_STEP)
        cost = Cost(per_value=_STEP * (1 + len(schema)))
        for key, value in schema.items():
            cost = cost.plus(self._keyword(key, value))
        return cost

    def _keyword(self, key: str, value: object) -> Cost:
        match key, value:
            case "pattern", str():
                return Cost(per_byte=self._pattern_ns(value))
            case "patternProperties", dict():
                each_byte = sum(self._pattern_ns(pattern) for pattern in value)
                # Whether a property is additional is asked by matching once more.
                return Cost(per_value=2 * _STEP * len(value), per_byte=2 * each_byte)
            case "multipleOf", _:
                return Cost(per_value=_MULTIPLE)
            case "format", _:
                return Cost(per_byte=_FORMAT_BYTE)
            case "uniqueItems", _:
                return Cost(per_byte=_UNIQUE_BYTE)
            case "enum" | "const", _:
                return Cost(per_value=_compared(value))
            case "required", list():
                return Cost(per_value=_STEP * len(value))
            case "dependentRequired", dict():
                return Cost(per_value=_STEP * sum(1 + len(names) for names in value.values()))
        return _NOTHING


def _compared(value: object) -> int:
    """Return nanoseconds for a comparison with a value of the schema."""
    match value:
        case bool() | None | str():
            return _STEP
        case int():
            return _INTEGER
        case float():
            return _FLOAT
        case list() | tuple():
            return _NESTED + sum(map(_compared, value))
        case dict():
            return _NESTED + sum(map(_compared, value.values()))
    return _STEP


def _leads(schema: object, root: object) -> Iterator[tuple[str, str | None, object]]:
    """Yield the parts that a schema leads to: how (`here`, `named` or `each`), by which name."""
    if not isinstance(schema, dict):
        return
    for key, inner in schema.items():
        if key == "$ref" and isinstance(inner, str):
            yield "here", None, resolved(inner, root)
        elif key in _ONE:
            yield _ONE[key], None, inner
        elif key in _SOME and isinstance(inner, list):
            yield from ((_SOME[key], None, one) for one in inner)
        elif key in _SOME and isinstance(inner, dict):
            yield from ((_SOME[key], name, one) for name, one in inner.items())


def resolved(reference: str, root: object) -> object:
    """Return the part of a schema that a reference leads to. Raises `SchemaCostError`."""
    here = root
    steps = reference.removeprefix("#").split("/")[1:]
    if reference[:1] != "#" or (reference != "#" and reference[1:2] != "/"):
        message = "`$ref` leads out of the schema"
        raise SchemaCostError(message)
    for step in steps:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and name.isdecimal() and int(name) < len(here):
            here = here[int(name)]
        else:
            message = f"`$ref` leads nowhere: `{reference[:100]}`"
            raise SchemaCostError(message)
    return here
