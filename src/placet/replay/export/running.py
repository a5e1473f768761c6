"""How many exports run at one time."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from enum import StrEnum
from functools import partial
from typing import Final
from weakref import finalize

from placet.kernel.ids import TenantId
from placet.replay.export.model import TooManyExports

AGAIN_SECONDS: Final = 5


class Width(StrEnum):
    """What an export reads: one session, as whoever may read it takes, or what auditors take."""

    SESSION = "session"
    AUDIT = "audit"


RUNNING_MAX: Final = {Width.SESSION: 8, Width.AUDIT: 2}
"""Exports of a tenant that one process writes at one time; the next one is refused."""


class Place:
    """One of the places that are given out. Given back once: by `leave`, or when it is dropped.

    Whoever is sent nothing, because the connection ended before the answer began, only drops it.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        """Hold what gives the place back."""
        self.leave = finalize(self, leave)


class Exports:
    """The exports that run in this process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._running: Counter[tuple[TenantId, Width]] = Counter()

    @contextmanager
    def begin(self, tenant_id: TenantId, width: Width) -> Iterator[Place]:
        """Give a place to one more export of a tenant. Refuses `too_many_exports`.

        It is given back at once where the export is refused inside the block; else it belongs to
        the parts that are written `in_place`.
        """
        place = self._take(tenant_id, width)
        try:
            yield place
        except BaseException:
            place.leave()
            raise

    def _take(self, tenant_id: TenantId, width: Width) -> Place:
        most = RUNNING_MAX[width]
        if self._running[tenant_id, width] >= most:
            raise TooManyExports(
                detail=f"{most} exports of this tenant are being written already, and more are not"
                " begun beside them; nothing was exported",
                retry_after_seconds=AGAIN_SECONDS,
            )
        self._running[tenant_id, width] += 1
        return Place(partial(self._leave, tenant_id, width))

    def _leave(self, tenant_id: TenantId, width: Width) -> None:
        self._running[tenant_id, width] -= 1
        if not self._running[tenant_id, width]:
            del self._running[tenant_id, width]


async def in_place(place: Place, parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the parts of an export, and give its place back when it ends, however it ends."""
    try:
        async with aclosing(parts):
            async for part in parts:
                yield part
    finally:
        place.leave()
