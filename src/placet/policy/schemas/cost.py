"""What a schema can take at most: how long for each value, and for each byte, of a document.

A schema that refers to itself, or to one of its parts by two ways, may look at one value any
number of times: thirty references that each double the work are enough to stop a service. The
times here are upper bounds that were measured with the library on slow hardware and rounded up.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote

from placet.kernel.foreign import DEPTH_MAX

NODES_MAX: Final = 2_000
"""Parts of one schema, each reference followed once."""

REFERENCES_MAX: Final = 100
"""Parts that are looked at for one value one inside the other: the library recurses into them."""

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

    `here` look at the same value. Of `named` one looks at each value within, of `each` all do.
    Those of `here` and `each` look so many `times`.
    """

    own: Cost = _NOTHING
    here: list[int] = dataclasses.field(default_factory=list)
    named: list[int] = dataclasses.field(default_factory=list)
    each: list[int] = dataclasses.field(default_factory=list)
    times: int = 1


def schema_cost(schema: object, pattern_ns: Callable[[str], int]) -> Cost:
    """Return what a schema can take. `pattern_ns` says what a pattern takes for each byte.

    Raises `SchemaCostError`, and whatever `pattern_ns` raises.
    """
    parts = _Parts(schema, pattern_ns).all
    order = _inner_first(parts)
    before = [_NOTHING] * len(parts)
    worst = _NOTHING
    for depth in range(DEPTH_MAX + 1):
        costs = [part.own for part in parts] if depth == 0 else [_NOTHING] * len(parts)
        for number in order:
            costs[number] = _cost_at(parts[number], costs[number], costs, before)
        worst = worst.highest(costs[0])
        if costs == before or worst.per_value == NS_MAX:
            break
        before = costs
    return worst


def _cost_at(part: _Part, own: Cost, costs: list[Cost], before: list[Cost]) -> Cost:
    """Return the cost for one value so many levels within, from those one level less deep."""
    repeated = _NOTHING
    for number in part.here:
        repeated = repeated.plus(costs[number])
    for number in part.each:
        repeated = repeated.plus(before[number])
    named = _NOTHING
    for number in part.named:
        named = named.highest(before[number])
    return own.plus(named).plus(repeated.times(part.times))


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
            lists = {"here": part.here, "named": part.named, "each": part.each}
            for how, inner in _leads(schema, root):
                if id(inner) not in self._numbers:
                    self._add(inner)
                    todo.append(inner)
                lists[how].append(self._numbers[id(inner)])

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


def _leads(schema: object, root: object) -> Iterator[tuple[str, object]]:
    """Yield the parts that a schema leads to, and how: `here`, `named` or `each`."""
    if not isinstance(schema, dict):
        return
    for key, inner in schema.items():
        if key == "$ref" and isinstance(inner, str):
            yield "here", _resolved(inner, root)
        elif key in _ONE:
            yield _ONE[key], inner
        elif key in _SOME and isinstance(inner, list):
            yield from ((_SOME[key], one) for one in inner)
        elif key in _SOME and isinstance(inner, dict):
            yield from ((_SOME[key], one) for one in inner.values())


def _resolved(reference: str, root: object) -> object:
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
