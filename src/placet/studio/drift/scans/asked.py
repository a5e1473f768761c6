"""The scans that somebody asks for: one at a time prepares in a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from placet.studio.drift.scans.model import ScanBusy

WAIT_SECONDS: Final = 20.0
RETRY_SECONDS: Final = 5


class AskedScans:
    """The one place of this process in which a scan that somebody asked for is prepared."""

    def __init__(self) -> None:
        """Hold the place free."""
        self._place = asyncio.Semaphore(1)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take the place, and give it back. Refuses `scan_busy` after waiting a while."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._place.acquire()
        except TimeoutError as fault:
            raise ScanBusy(
                detail="another scan that was asked for is being prepared; nothing was looked at",
                retry_after_seconds=RETRY_SECONDS,
            ) from fault
        try:
            yield
        finally:
            self._place.release()
