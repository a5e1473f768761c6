"""Operators on one path taken together: what a value must be to meet all of them."""

import copy
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, cast

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.checks.found import short
from placet.policy.checks.spans import LOWER, UPPER, Limit, Span, whole
from placet.policy.model import JsonType, Rule
from placet.policy.numbers import Number, bound, exact, is_number, json_type, normal
from placet.policy.operators import json_text, operands, references
from placet.policy.text.tree import Steps

Kinds = frozenset[JsonType]
Key: TypeAlias = bytes | Number

EVERY_KIND: Final[Kinds] = frozenset(JsonType) - {JsonType.INTEGER}
_NUMBER: Final[Kinds] = frozenset({JsonType.NUMBER})
_STRING: Final[Kinds] = frozenset({JsonType.STRING})
_ARRAY: Final[Kinds] = frozenset({JsonType.ARRAY})
_FEW: Final = {JsonType.NULL: (None,), JsonType.BOOLEAN: (False, True)}
"""The kinds that have few values, with all of them."""

COVERED_MAX: Final = 1_000
"""Whole numbers between two bounds that are looked for among the values which are ruled out."""

_GATHERED: Final = {"not_equals", "none_of", "contains"}
_NUMERIC: Final = {*LOWER, *UPPER, *(f"{name}_ref" for name in (*LOWER, *UPPER))}


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """One operator with its operand and its place."""

    steps: Steps
    name: str
    operand: object

    @property
    def words(self) -> str:
        """Return the operator as an author writes it."""
        text = self.operand if isinstance(self.operand, str) else json_text(self.operand)
        return f"`{self.name}: {short(text)}`"


def givens_of(steps: Steps, rule: Rule) -> list[Given]:
    """Return the operators of the rule that stands at `steps`."""
    return [Given((*steps, name), name, it) for name, it in (*operands(rule), *references(rule))]


def key_of(value: object) -> Key:
    """Return what equal values of JSON share, and only they."""
    if is_number(value):
        return exact(cast("float", value))
    return foreign.encode(normal(cast("Json", value)))


class Wanted:
    """What a value must be to meet all of these operators; patterns and slots are not tried."""

    def __init__(self, givens: Iterable[Given]) -> None:
        """Take the operators together."""
        self.kinds: Kinds = EVERY_KIND
        self.is_whole = False
        self.is_absent = self.is_present = False
        self.span = Span()
        self.length = Span()
        self.named: dict[Key, object] | None = None
        self.excluded: set[Key] = set()
        self.needles: dict[Key, object] = {}
        for given in givens:
            self._take(given)

    def also(self, *givens: Given) -> "Wanted":
        """Return what a value must be to meet these operators, too."""
        wanted = copy.copy(self)
        if any(given.name in _GATHERED for given in givens):
            wanted.excluded, wanted.needles = set(self.excluded), dict(self.needles)
        for given in givens:
            wanted._take(given)  # noqa: SLF001 -- a copy of this very one
        return wanted

    def _take(self, given: Given) -> None:
        if given.name == "exists" and given.operand is False:
            self.is_absent = True
            return
        self.is_present = True
        self.kinds &= kinds_of(given)
        match given.name, given.operand:
            case (("gt" | "gte"), (int() | str()) as text):
                self.span = self.span.within(Span(Limit(bound(text), LOWER[given.name])))
            case (("lt" | "lte"), (int() | str()) as text):
                self.span = self.span.within(Span(None, Limit(bound(text), UPPER[given.name])))
            case "length_gte", int(count):
                self.length = self.length.within(Span(Limit(count)))
            case "length_lte", int(count):
                self.length = self.length.within(Span(None, Limit(count)))
            case "type", JsonType.INTEGER:
                self.is_whole = True
            case (("equals" | "one_of"), _):
                values = {key_of(value): value for value in values_of(given)}
                named = values if self.named is None else self.named
                self.named = {key: value for key, value in named.items() if key in values}
            case (("not_equals" | "none_of"), _):
                self.excluded.update(map(key_of, values_of(given)))
            case "contains", needle:
                self.needles[key_of(needle)] = needle

    def is_empty(self) -> bool:
        """Say whether no value meets them all."""
        if self.is_absent:
            return self.is_present
        if self.named is not None:
            return not any(self.takes(key, value) for key, value in self.named.items())
        return not any(map(self._has, self.kinds))

    def _has(self, kind: JsonType) -> bool:
        match kind:
            case JsonType.NUMBER:
                return self._has_number()
            case JsonType.STRING | JsonType.ARRAY:
                return not self.length.is_empty()
            case JsonType.NULL | JsonType.BOOLEAN:
                return any(key_of(value) not in self.excluded for value in _FEW[kind])
        return True

    def _has_number(self) -> bool:
        low, high = self.span.low, self.span.high
        if low is None or high is None or self.span.is_empty():
            return not self.span.is_empty()
        if low == high:
            is_fit = not self.is_whole or low.value == int(low.value)
            return is_fit and low.value not in self.excluded
        if not self.is_whole:
            return True
        first, last = whole(low, high)
        is_covered = last - first < min(len(self.excluded), COVERED_MAX)
        return first <= last and not (
            is_covered and all(it in self.excluded for it in range(first, last + 1))
        )

    def takes(self, key: Key, value: object) -> bool:
        """Say whether one value meets them all; `key` is that of the value."""
        if json_type(value) not in self.kinds or key in self.excluded:
            return False
        if not isinstance(key, bytes):
            return self.span.holds(key) and not (self.is_whole and key != int(key))
        if isinstance(value, str):
            has_all = all(str(needle) in value for needle in self.needles.values())
            return has_all and self.length.holds(len(value))
        if isinstance(value, list):
            has_all = not self.needles or self.needles.keys() <= {*map(key_of, value)}
            return has_all and self.length.holds(len(value))
        return True


def values_of(given: Given) -> Sequence[object]:
    """Return the values that an operator names."""
    return given.operand if isinstance(given.operand, tuple) else (given.operand,)


def kinds_of(given: Given) -> Kinds:
    """Return the kinds of values that can meet an operator."""
    match given.name:
        case "equals" | "not_equals" | "one_of" | "none_of":
            return frozenset(map(json_type, values_of(given)))
        case "type":
            is_number = given.operand in {JsonType.INTEGER, JsonType.NUMBER}
            return _NUMBER if is_number else frozenset({cast("JsonType", given.operand)})
        case "matches":
            return _STRING
        case "length_gte" | "length_lte":
            return _STRING | _ARRAY
        case "contains":
            return _ARRAY | _STRING if isinstance(given.operand, str) else _ARRAY
        case name if name in _NUMERIC:
            return _NUMBER
    return EVERY_KIND
