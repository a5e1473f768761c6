"""Which calls were at a host, and the highest fence of each session."""

import heapq
import threading
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from placet.evidence.fields import Fence
from placet.sdk.host.model import Met, Visit

CALL_KEPT: Final = timedelta(days=1)
"""How long a call is remembered after its grant expired: a clock may be set back by so much."""

FENCE_KEPT: Final = timedelta(days=3)
"""How long a fence is remembered after it was last seen.

A grant under a lower fence was given before, and lives for a day and 30 seconds at most.
"""

TOLD_MAX: Final = 10_000
"""Of so many sessions a fence is remembered that no grant vouched for; then the oldest goes."""


class MemoryFailed(Exception):  # noqa: N818 -- the host says no, and is right
    """The memory cannot be read or written, so no call may be let in."""


class HostMemory(Protocol):
    """What a host remembers. Both methods look and remember in one step."""

    def admit(self, visit: Visit) -> Met:
        """Let a call in, unless it was here or its session has seen a higher fence.

        Raises `MemoryFailed`.
        """
        ...

    def is_overtaken(self, session_id: UUID, fence: Fence, at: datetime) -> bool:
        """Remember a fence that nothing vouches for, and tell whether a higher one was here.

        It counts for this method alone: `admit` never looks at it. Raises `MemoryFailed`.
        """
        ...


class ProcessMemory:
    """A memory for one process that may forget when it ends: for tests and development.

    It holds what has not expired, and nothing else; of fences without a grant `told_max` at most.
    """

    def __init__(self, *, told_max: int = TOLD_MAX) -> None:
        """Remember nothing yet."""
        self._told_max = told_max
        self._lock = threading.Lock()
        self._calls: set[UUID] = set()
        self._call_ends: list[tuple[datetime, UUID]] = []
        self._fences: dict[UUID, tuple[Fence, datetime]] = {}
        self._told: dict[UUID, tuple[Fence, datetime]] = {}

    def __repr__(self) -> str:
        """Show how much is remembered."""
        return f"ProcessMemory({len(self._calls)} calls, {len(self._fences)} sessions)"

    def admit(self, visit: Visit) -> Met:
        """Let a call in once, and only the caller with the highest fence of its session."""
        with self._lock:
            self._forget(visit.at)
            if _overtaken(self._fences, visit.session_id, visit.fence, visit.at):
                return Met.OVERTAKEN
            if visit.call_id in self._calls:
                return Met.SEEN
            self._calls.add(visit.call_id)
            heapq.heappush(self._call_ends, (visit.expires_at + CALL_KEPT, visit.call_id))
            return Met.NEW

    def is_overtaken(self, session_id: UUID, fence: Fence, at: datetime) -> bool:
        """Remember a fence that nothing vouches for, and tell whether a higher one was here."""
        with self._lock:
            self._forget(at)
            granted, _ = self._fences.get(session_id, (fence, at))
            is_lower = _overtaken(self._told, session_id, fence, at)
            if len(self._told) > self._told_max:
                del self._told[next(iter(self._told))]
            return is_lower or fence < granted

    def _forget(self, at: datetime) -> None:
        while self._call_ends and self._call_ends[0][0] <= at:
            self._calls.discard(heapq.heappop(self._call_ends)[1])
        for fences in (self._fences, self._told):
            while fences:
                oldest = next(iter(fences))
                if fences[oldest][1] + FENCE_KEPT > at:
                    break
                del fences[oldest]


def _overtaken(
    fences: dict[UUID, tuple[Fence, datetime]], session_id: UUID, fence: Fence, at: datetime
) -> bool:
    highest, _ = fences.pop(session_id, (fence, at))
    # Put back at the end: the first one is the one that was not seen for longest.
    fences[session_id] = max(highest, fence), at
    return fence < highest
