"""Who marks the same tally goes through a lane, a few at a time, before a connection is taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from placet.kernel.refusals import RequestInProgress
from placet.replay.tallies.model import Tallied

WIDTH: Final = 4
"""One has the tally's lock, and the next have come as far as they can without it."""

WAIT_SECONDS: Final = 1.0


class Lanes:
    """The lanes of one process. They decide nothing: the lock in the database does."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lanes: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def through(self, tallied: Tallied | None) -> AsyncIterator[None]:
        """Have the lane of each tally that is marked. Refuses `request_in_progress` after a second.

        They are taken in one order, so that two that mark several never wait for each other.
        """
        if tallied is None or not tallied.marks:
            yield
            return
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    for tally_id in sorted({mark.tally_id for mark in tallied.marks}):
                        await held.enter_async_context(self._lane(tally_id))
            except TimeoutError as fault:
                raise RequestInProgress(
                    detail="many other calls are counted together with these",
                    retry_after_seconds=1,
                ) from fault
            yield

    def _lane(self, tally_id: UUID) -> asyncio.Semaphore:
        lane = self._lanes.get(tally_id)
        if lane is None:
            lane = self._lanes[tally_id] = asyncio.Semaphore(WIDTH)
        return lane
