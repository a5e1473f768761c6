"""A bound on what the entries of a series come to, and until when it is kept."""

import dataclasses
import operator
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from placet.policy.numbers import Number
from placet.policy.series.timed import Timed, shifted
from placet.policy.window import Window

_TICK: Final = timedelta(microseconds=1)
_COMPARE: Final[dict[str, Callable[[Number, Number], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


@dataclasses.dataclass(frozen=True, slots=True)
class AggregateBound:
    """One bound: `name` is `gt`, `gte`, `lt` or `lte`.

    `is_full` says that it is the harder to keep the more counts.
    """

    name: str
    value: Number
    rule: str
    is_full: bool
    holds: Callable[[Number, Number], bool]

    @classmethod
    def made(cls, name: str, value: Number, rule: str, *, is_least: bool) -> "AggregateBound":
        """Return a bound on what grows with every value, or on the least, which shrinks."""
        is_upper = name.startswith("l")
        return cls(name, value, rule, is_full=is_upper is not is_least, holds=_COMPARE[name])

    def is_kept(
        self, series: Timed, total: Callable[[int], Number], now: datetime, window: Window
    ) -> bool:
        """Say whether it is kept now, and narrow `window` to where that stays so.

        `total` tells what comes of the entries from a place on. As long as nothing is committed,
        entries only leave: a bound that more would break begins to be kept at some time, and one
        that more would help ceases to be.
        """
        times = series.times(is_full=self.is_full)
        if self.holds(total(0 if self.is_full else len(times)), self.value):
            if self.is_full and series.floor is not None:
                window.starts(series.floor)
            return True
        flip = bisect_left(
            range(len(times) + 1),
            True,  # noqa: FBT003 -- what is looked for
            key=lambda place: self.holds(total(place), self.value) is self.is_full,
        )
        if flip == 0 and series.floor is not None:
            window.starts(series.floor)
        if series.window is None or not 0 < flip <= len(times):
            return False
        at = shifted(times[flip - 1], series.window)
        if now >= at:
            window.starts(at)
            return self.is_full
        window.ends(at - _TICK)
        return not self.is_full
