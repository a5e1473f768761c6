"""Numbers of which the largest, or the smallest, is asked."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import reduce
from typing import cast

from placet.kernel.foreign import Json
from placet.policy.numbers import Number, number_of
from placet.policy.series.timed import Timed


class Extremes(Timed):
    """Numbers of which the largest, or the smallest, is asked.

    `_line` are the places of the entries that no later one surpasses, counted from the first that
    ever was: the first of them at or after a place is the extreme from there on.

    An entry stands for `counts` numbers, of which none is nearer to nothing than its `least`: what
    is left for certain when its extreme is taken back. Once `joined`, it is never exact again.
    """

    def __init__(self, window: timedelta | None, entries_max: int, *, is_largest: bool) -> None:
        """Begin with nothing."""
        super().__init__(window, entries_max)
        self.is_largest = is_largest
        self.values: list[Number] = []
        self.leasts: list[Number] = []
        self.counts: list[int] = []
        self.joined: list[bool] = []
        self._dropped = 0
        self._line: list[int] = []

    def after(self, place: int) -> Number | None:
        """Return the extreme of the entries from this place on."""
        found = bisect_left(self._line, place + self._dropped) if place else 0
        return self.values[self._line[found] - self._dropped] if found < len(self._line) else None

    def add(self, value: Number, at: datetime) -> None:
        """Count a value."""
        if gone := self._drop(at):
            for line in (self.values, self.leasts, self.counts, self.joined):
                del line[:gone]
            self._dropped += gone
            del self._line[: bisect_left(self._line, self._dropped)]
        place, is_within = self._place(at)
        if is_within and self.joined[place]:
            self.values[place] = self._extreme(self.values[place], value)
            self.leasts[place] = self._least(self.leasts[place], value)
            self.counts[place] += 1
            self._line_up()
            return
        place += is_within
        self._insert(place, at)
        self.values.insert(place, value)
        self.leasts.insert(place, value)
        self.counts.insert(place, 1)
        self.joined.insert(place, False)
        if len(self.values) > self.entries_max:
            joined = self._join()
            self.values = [reduce(self._extreme, self.values[one:end]) for one, end in joined]
            self.leasts = [reduce(self._least, self.leasts[one:end]) for one, end in joined]
            self.counts = [sum(self.counts[one:end]) for one, end in joined]
            self.joined = [end - one > 1 or self.joined[one] for one, end in joined]
            self._line_up()
        elif place + 1 == len(self.values):
            self._append(place)
        else:
            self._line_up()

    def take(self, value: Number, at: datetime) -> bool:
        """Take a value back; say whether what is left is still known exactly."""
        entries = range(bisect_left(self.lasts, at), bisect_right(self.firsts, at))
        alike = [place for place in entries if self.values[place] == value]
        # Of entries that are joined, at most one spans a time: the value can be in no other.
        within = alike or [place for place in entries if self.joined[place]]
        if not within:
            self._must_be_gone(at)
            return True
        place = within[-1]
        self.counts[place] -= 1
        is_known = True
        if not self.counts[place]:
            own = (self.values, self.leasts, self.counts, self.joined)
            for line in (self.firsts, self.lasts, *own):
                del line[place]
        elif alike:
            is_known = self.leasts[place] == value
            self.values[place] = self.leasts[place]
        self._line_up()
        return is_known

    def _extreme(self, one: Number, two: Number) -> Number:
        return max(one, two) if self.is_largest else min(one, two)

    def _least(self, one: Number, two: Number) -> Number:
        return min(one, two) if self.is_largest else max(one, two)

    def _append(self, place: int) -> None:
        value = self.values[place]
        line = self._line
        while line and self._extreme(self.values[line[-1] - self._dropped], value) == value:
            line.pop()
        line.append(place + self._dropped)

    def _line_up(self) -> None:
        self._line.clear()
        for place in range(len(self.values)):
            self._append(place)

    def document(self) -> dict[str, Json]:
        """Return what is kept, as plain JSON."""
        return super().document() | {
            "values": [str(value) for value in self.values],
            "leasts": [str(value) for value in self.leasts],
            "counts": [*self.counts],
            "joined": [*self.joined],
        }

    def restore(self, document: Mapping[str, Json]) -> None:
        """Take over what `document` gave."""
        super().restore(document)
        self.values = [number_of(value) for value in cast("list[Json]", document["values"])]
        self.leasts = [number_of(value) for value in cast("list[Json]", document["leasts"])]
        self.counts = [*cast("list[int]", document["counts"])]
        self.joined = [*cast("list[bool]", document["joined"])]
        self._line_up()

    def copy(self) -> "Extremes":
        """Return one that changes apart from this one."""
        other = Extremes(self.window, self.entries_max, is_largest=self.is_largest)
        self._copy_to(other)
        other.values = self.values.copy()
        other.leasts = self.leasts.copy()
        other.counts, other.joined = self.counts.copy(), self.joined.copy()
        other._dropped, other._line = self._dropped, self._line.copy()
        return other
