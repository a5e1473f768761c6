"""Choosing small things quickly: an example is made of one drawn seed, in under a millisecond.

Drawn choice by choice, Hypothesis would spend more on an example than both evaluators, and vary
the last one rather than make another. What it would have shrunk, `shrinking.py` does.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Chance(Protocol):
    """What a drawn source of chance can do."""

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 up to, not with, `stop`."""
        ...


class Picker:
    """Picks from small pools."""

    def __init__(self, chance: Chance) -> None:
        """Pick by this."""
        self._chance = chance

    def below(self, count: int) -> int:
        """Pick a number from 0 up to, not with, `count`."""
        return self._chance.randrange(count)

    def of(self, choices: Sequence[T]) -> T:
        """Pick one of the choices."""
        return choices[self.below(len(choices))]

    def chance(self, percent: int) -> bool:
        """Say yes in so many cases of a hundred."""
        return self.below(100) < percent

    def some(self, choices: Sequence[T], percent: int) -> list[T]:
        """Pick each of the choices in so many cases of a hundred."""
        return [one for one in choices if self.chance(percent)]

    def at_least_one(self, choices: Sequence[T], percent: int) -> list[T]:
        """Pick some of the choices, and one where that was none."""
        return self.some(choices, percent) or [self.of(choices)]
