"""The interval in which a decision holds."""

from datetime import datetime, timedelta
from typing import Final

from placet.kernel.value import Mutable

TICK: Final = timedelta(microseconds=1)
"""The least that two times of the database differ by."""


class Window(Mutable):
    """The closed interval in which no time rule that was looked at flips."""

    holds_from: datetime | None = None
    holds_until: datetime | None = None

    def starts(self, at: datetime) -> None:
        """Let the interval begin no earlier than `at`."""
        if self.holds_from is None or at > self.holds_from:
            self.holds_from = at

    def ends(self, at: datetime) -> None:
        """Let the interval end no later than `at`."""
        if self.holds_until is None or at < self.holds_until:
            self.holds_until = at
