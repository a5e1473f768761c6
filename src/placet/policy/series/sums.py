"""Numbers that add up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from placet.kernel.foreign import Json
from placet.policy.numbers import Number, minus, number_of, plus
from placet.policy.series.timed import Timed


class Sums(Timed):
    """Numbers that add up. Without a window only their total is kept."""

    def __init__(self, window: timedelta | None, entries_max: int) -> None:
        """Begin with nothing."""
        super().__init__(window, entries_max)
        self.total: Number = 0
        self.dropped: Number = 0
        self.totals: list[Number] = []

    def after(self, place: int) -> Number:
        """Return the sum of the entries from this place on."""
        if place == 0:
            return minus(self.total, self.dropped)
        return minus(self.total, self.totals[place - 1])

    def add(self, value: Number, at: datetime) -> None:
        """Count a value."""
        self.total = plus(self.total, value)
        if self.window is None:
            return
        if gone := self._drop(at):
            self.dropped = self.totals[gone - 1]
            del self.totals[:gone]
        place, is_within = self._place(at)
        if not is_within:
            self._insert(place, at)
            self.totals.insert(place, self.totals[place - 1] if place else self.dropped)
        for later in range(place, len(self.totals)):
            self.totals[later] = plus(self.totals[later], value)
        if len(self.totals) > self.entries_max:
            self.totals = [self.totals[end - 1] for _, end in self._join()]

    def take(self, value: Number, at: datetime) -> bool:
        """Take a value back that was counted at this time."""
        if self.window is not None:
            place, is_within = self._place(at)
            if not is_within:
                self._must_be_gone(at)
                return True
            for later in range(place, len(self.totals)):
                self.totals[later] = minus(self.totals[later], value)
        self.total = minus(self.total, value)
        return True

    def document(self) -> dict[str, Json]:
        """Return what is kept, as plain JSON."""
        return super().document() | {
            "total": str(self.total),
            "dropped": str(self.dropped),
            "totals": [str(total) for total in self.totals],
        }

    def restore(self, document: Mapping[str, Json]) -> None:
        """Take over what `document` gave."""
        super().restore(document)
        self.total = number_of(document["total"])
        self.dropped = number_of(document["dropped"])
        self.totals = [number_of(total) for total in cast("list[Json]", document["totals"])]

    def copy(self) -> "Sums":
        """Return one that changes apart from this one."""
        other = Sums(self.window, self.entries_max)
        self._copy_to(other)
        other.total, other.dropped = self.total, self.dropped
        other.totals = self.totals.copy()
        return other
