"""Entries in the order of their times, which leave when a window has passed.

An entry is one value, or several that are told as one: those of `firsts[i]` to `lasts[i]`. Where
there are more entries than may be kept, those close together are put together, and whoever asks
looks at the end that is on the safe side.

What has left the window is dropped now and then. `floor` is the time at which the last of it had
left: before that, nothing can be said.
"""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, cast

from placet.kernel.foreign import Json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_OFFSET: Final = timedelta(hours=23, minutes=59)
_EARLIEST: Final = datetime.min.replace(tzinfo=timezone(_OFFSET))
_LATEST: Final = datetime.max.replace(tzinfo=timezone(-_OFFSET))


def micros(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _EPOCH) // _TICK


def time_of(value: object) -> datetime:
    """Return the time that `micros` gave."""
    return _EPOCH + _TICK * cast("int", value)


def shifted(at: datetime, by: timedelta) -> datetime:
    """Return the time so much later, or the first or the last of all where that is out of range."""
    try:
        return at + by
    except OverflowError:
        return _LATEST if by > timedelta(0) else _EARLIEST


class Timed:
    """Entries of some values, oldest first, that leave when `window` has passed."""

    def __init__(self, window: timedelta | None, entries_max: int) -> None:
        """Begin without any. Without a window nothing ever leaves."""
        self.window = window
        self.entries_max = entries_max
        self.firsts: list[datetime] = []
        self.lasts: list[datetime] = []
        self.floor: datetime | None = None

    def times(self, *, is_full: bool) -> list[datetime]:
        """Return when each entry was last added to, or first: it counts from then for a window."""
        if self.window is None:
            return []
        return self.lasts if is_full else self.firsts

    def _drop(self, at: datetime) -> int:
        """Forget the times of entries that have left, if it is worth it; return how many."""
        if self.window is None:
            return 0
        gone = bisect_right(self.lasts, shifted(at, -self.window))
        if not gone or gone * 2 < len(self.lasts) < self.entries_max:
            return 0
        self.floor = shifted(self.lasts[gone - 1], self.window)
        del self.firsts[:gone]
        del self.lasts[:gone]
        return gone

    def _place(self, at: datetime) -> tuple[int, bool]:
        """Return where a value of this time belongs, and whether inside the entry there."""
        if not self.lasts or at > self.lasts[-1]:
            return len(self.lasts), False
        place = bisect_right(self.firsts, at)
        if place and self.lasts[place - 1] >= at:
            return place - 1, True
        return place, False

    def _insert(self, place: int, at: datetime) -> None:
        self.firsts.insert(place, at)
        self.lasts.insert(place, at)

    def _join(self) -> list[tuple[int, int]]:
        """Put entries together so that few are left; return the places of those put together.

        They are close together: an entry spans at most 4 / `entries_max` of the window, so that
        half as many as may be kept are left. Without a window the time makes no difference, but
        entries of one time are never told apart, so that whoever takes one back finds it.
        """
        count = len(self.lasts)
        if self.window is None:
            half = count // 4 * 2
            starts = [
                place
                for place in (*range(0, half, 2), *range(half, count))
                if not place or self.lasts[place - 1] < self.firsts[place]
            ]
        else:
            span = self.window * 4 / self.entries_max
            starts = [0]
            for place in range(1, count):
                if self.lasts[place] - self.firsts[starts[-1]] > span:
                    starts.append(place)
        joined = list(zip(starts, [*starts[1:], count], strict=True))
        self.firsts = [self.firsts[start] for start, _ in joined]
        self.lasts = [self.lasts[end - 1] for _, end in joined]
        return joined

    def _must_be_gone(self, at: datetime) -> None:
        """Raise `ValueError` unless a value of this time may have been dropped."""
        if self.floor is None or self.window is None or shifted(at, self.window) > self.floor:
            message = "nothing like that was committed then"
            raise ValueError(message)

    def document(self) -> dict[str, Json]:
        """Return what is kept, as plain JSON."""
        return {
            "floor": None if self.floor is None else micros(self.floor),
            "firsts": [micros(at) for at in self.firsts],
            "lasts": [micros(at) for at in self.lasts],
        }

    def restore(self, document: Mapping[str, Json]) -> None:
        """Take over what `document` gave."""
        floor = document["floor"]
        self.floor = None if floor is None else time_of(floor)
        self.firsts = [time_of(at) for at in cast("list[Json]", document["firsts"])]
        self.lasts = [time_of(at) for at in cast("list[Json]", document["lasts"])]

    def _copy_to(self, other: "Timed") -> None:
        other.floor = self.floor
        other.firsts = self.firsts.copy()
        other.lasts = self.lasts.copy()
