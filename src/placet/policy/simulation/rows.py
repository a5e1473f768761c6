"""Lines of output under way: a step that waits for people may still be granted."""

from collections import deque
from collections.abc import Iterable

from msgspec import structs

from placet.policy.decision import Code
from placet.policy.simulation.report import CallLine, ReasonLine


class Rows:
    """The lines of output that were not handed out yet, in order, each with its number."""

    def __init__(self) -> None:
        """Begin with none."""
        self._rows: deque[CallLine] = deque()
        self._first = 0

    @property
    def next_number(self) -> int:
        """Return the number that the next row will have."""
        return self._first + len(self._rows)

    def add(self, row: CallLine) -> None:
        """Add a row at the end."""
        self._rows.append(row)

    def end_in(self, phase: str | None, number: int) -> None:
        """Note the phase after the step whose rows begin with a number and are the last."""
        for index in range(number - self._first, len(self._rows)):
            self._rows[index] = structs.replace(self._rows[index], phase_after=phase)

    def grant(self, number: int) -> None:
        """Note that a call was granted after all: what kept its response no longer does."""
        row = self._rows[number - self._first]
        reasons = tuple(one for one in row.reasons if one.code is not Code.SIBLING_AWAITS_APPROVAL)
        self._rows[number - self._first] = structs.replace(row, granted=True, reasons=reasons)

    def refuse(self, number: int, reasons: Iterable[ReasonLine]) -> None:
        """Note why a call will not be granted any more, beside what is known."""
        row = self._rows[number - self._first]
        kept = tuple(one for one in row.reasons if one.code is not Code.SIBLING_AWAITS_APPROVAL)
        more = tuple(one for one in reasons if one not in kept)
        self._rows[number - self._first] = structs.replace(row, reasons=kept + more)

    def take_all(self) -> list[CallLine]:
        """Hand out every row, and forget it."""
        taken = list(self._rows)
        self._rows.clear()
        self._first += len(taken)
        return taken

    def take(self, until: int) -> list[CallLine]:
        """Hand out the rows with numbers below `until`, and forget them."""
        count = until - self._first
        taken = [self._rows.popleft() for _ in range(count)]
        self._first = until
        return taken
