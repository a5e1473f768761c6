"""How many different values there are."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final, cast

from placet.kernel.foreign import Json
from placet.policy.series.timed import Timed, micros, time_of

_LATEST_KEPT: Final = 8


class Distincts(Timed):
    """Different values, told apart by their digests. Each is one entry, at its latest time.

    A value's earlier times are kept for the case that its latest is taken back, so many of them.
    """

    def __init__(self, window: timedelta | None, entries_max: int) -> None:
        """Begin with nothing."""
        super().__init__(window, entries_max)
        self.digests: list[bytes] = []
        self.by_digest: dict[bytes, list[datetime]] = {}
        self.shortened: set[bytes] = set()

    def after(self, place: int, besides: AbstractSet[bytes]) -> int:
        """Return how many values there are from a place on, and of those that count anyway."""
        left = self.lasts[place - 1] if place else None
        found = len(besides) + len(self.lasts)
        if left is not None:
            found -= bisect_right(self.lasts, left)
        for digest in besides:
            times = self.by_digest.get(digest)
            if times is not None and (left is None or times[-1] > left):
                found -= 1
        return found

    def add(self, value: bytes, at: datetime) -> None:
        """Count a value."""
        if gone := self._drop(at):
            for digest in self.digests[:gone]:
                del self.by_digest[digest]
                self.shortened.discard(digest)
            del self.digests[:gone]
        times = self.by_digest.setdefault(value, [])
        if times:
            self._remove(value)
        insort(times, at)
        if len(times) > _LATEST_KEPT:
            del times[0]
            self.shortened.add(value)
        self._enter(value)

    def take(self, value: bytes, at: datetime) -> bool:
        """Take a value back; say whether what is left is still known exactly."""
        times = self.by_digest.get(value, [])
        if at not in times:
            if value not in self.shortened:
                self._must_be_gone(at)
            return True
        self._remove(value)
        times.remove(at)
        if times:
            self._enter(value)
            return True
        del self.by_digest[value]
        is_known = value not in self.shortened
        self.shortened.discard(value)
        return is_known

    def _enter(self, value: bytes) -> None:
        at = self.by_digest[value][-1]
        place = bisect_right(self.lasts, at)
        self._insert(place, at)
        self.digests.insert(place, value)

    def _remove(self, value: bytes) -> None:
        place = self.digests.index(value, bisect_left(self.lasts, self.by_digest[value][-1]))
        for line in (self.firsts, self.lasts, self.digests):
            del line[place]

    def document(self) -> dict[str, Json]:
        """Return what is kept, as plain JSON."""
        return {
            **super().document(),
            "digests": [digest.hex() for digest in self.digests],
            "times": [[micros(at) for at in self.by_digest[digest]] for digest in self.digests],
            "shortened": [digest.hex() for digest in sorted(self.shortened)],
        }

    def restore(self, document: Mapping[str, Json]) -> None:
        """Take over what `document` gave."""
        super().restore(document)
        self.digests = [bytes.fromhex(digest) for digest in cast("list[str]", document["digests"])]
        lines = cast("list[list[Json]]", document["times"])
        self.by_digest = {
            digest: [time_of(at) for at in line]
            for digest, line in zip(self.digests, lines, strict=True)
        }
        self.shortened = set(map(bytes.fromhex, cast("list[str]", document["shortened"])))

    def copy(self) -> "Distincts":
        """Return one that changes apart from this one."""
        other = Distincts(self.window, self.entries_max)
        self._copy_to(other)
        other.digests = self.digests.copy()
        other.by_digest = {digest: times.copy() for digest, times in self.by_digest.items()}
        other.shortened = self.shortened.copy()
        return other
