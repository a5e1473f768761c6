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
        """Remember a fence, and tell whether a higher one was here. Raises `MemoryFailed`."""
        ...


class ProcessMemory:
    """A memory for one process that may forget when it ends: for tests and development.

    It holds what has not expired, and nothing else.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._lock = threading.Lock()
        self._calls: set[UUID] = set()
        self._call_ends: list[tuple[datetime, UUID]] = []
        self._fences: dict[UUID, tuple[Fence, datetime]] = {}

    def __repr__(self) -> str:
        """Show how much is remembered."""
        return f"ProcessMemory({len(self._calls)} calls, {len(self._fences)} sessions)"

    def admit(self, visit: Visit) -> Met:
        """Let a call in once, and only the caller with the highest fence of its session."""
        with self._lock:
            self._forget(visit.at)
            if self._overtaken(visit.session_id, visit.fence, visit.at):
                return Met.OVERTAKEN
            if visit.call_id in self._calls:
                return Met.SEEN
            self._calls.add(visit.call_id)
            heapq.heappush(self._call_ends, (visit.expires_at + CALL_KEPT, visit.call_id))
            return Met.NEW

    def is_overtaken(self, session_id: UUID, fence: Fence, at: datetime) -> bool:
        """Remember a fence, and tell whether a higher one was here."""
        with self._lock:
            self._forget(at)
            return self._overtaken(session_id, fence, at)

    def _overtaken(self, session_id: UUID, fence: Fence, at: datetime) -> bool:
        highest, _ = self._fences.pop(session_id, (fence, at))
        # Put back at the end: the first one is the one that was not seen for longest.
        self._fences[session_id] = max(highest, fence), at
        return fence < highest

    def _forget(self, at: datetime) -> None:
        while self._call_ends and self._call_ends[0][0] <= at:
            self._calls.discard(heapq.heappop(self._call_ends)[1])
        while self._fences:
            oldest = next(iter(self._fences))
            if self._fences[oldest][1] + FENCE_KEPT > at:
                return
            del self._fences[oldest]
