"""Bounds of one side and of both: which is the stronger, and whether anything lies between."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Final

from placet.policy.numbers import Number

LOWER: Final = {"gt": True, "gte": False}
UPPER: Final = {"lt": True, "lte": False}
"""Operators that bound a number on one side, and whether they are strict."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """A bound of one side."""

    value: Number
    is_strict: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """What lies between two bounds; null where there is none."""

    low: Limit | None = None
    high: Limit | None = None

    def within(self, other: "Span") -> "Span":
        """Return what lies in both."""
        return Span(highest([self.low, other.low]), lowest([self.high, other.high]))

    def holds(self, value: Number) -> bool:
        """Say whether a number lies in it."""
        low, high = self.low, self.high
        if low is not None and (value < low.value or (low.is_strict and value == low.value)):
            return False
        return high is None or not (value > high.value or (high.is_strict and value == high.value))

    def is_empty(self) -> bool:
        """Say whether no number lies in it."""
        low, high = self.low, self.high
        if low is None or high is None:
            return False
        is_open = low.is_strict or high.is_strict
        return low.value > high.value or (low.value == high.value and is_open)


def whole(low: Limit, high: Limit) -> tuple[int, int]:
    """Return the first and the last whole number between two bounds.

    The last is below the first where there is none.
    """
    first, last = math.ceil(low.value), math.floor(high.value)
    first += low.is_strict and first == low.value
    last -= high.is_strict and last == high.value
    return first, last


def highest(limits: Iterable[Limit | None]) -> Limit | None:
    """Return the strongest of lower bounds, the first of those that are equal."""
    best: Limit | None = None
    for one in limits:
        if one is not None and (best is None or one.value > best.value or _is_stricter(one, best)):
            best = one
    return best


def lowest(limits: Iterable[Limit | None]) -> Limit | None:
    """Return the strongest of upper bounds, the first of those that are equal."""
    best: Limit | None = None
    for one in limits:
        if one is not None and (best is None or one.value < best.value or _is_stricter(one, best)):
            best = one
    return best


def _is_stricter(one: Limit, other: Limit) -> bool:
    return one.value == other.value and one.is_strict and not other.is_strict
