"""Connections of the hot pool, kept in hand once they were opened.

The driver's pool sets a time limit at each taking and makes a task at each giving back. A
connection that nobody else wants needs neither, and that is nearly always so. So a connection is
taken from that pool once and lent from a list; it goes back where a call on it failed or was
cancelled, and the pool mends or replaces it. Who finds none waits for the next one given back,
first come, first served, and no longer than a limit.
"""

import asyncio
from collections import deque
from typing import Any, Final

import asyncpg

WAIT_SECONDS: Final = 0.5
OPEN_SECONDS: Final = 2.0
"""How long opening one may take: it is warmed first."""


class Lender:
    """Lends the connections of one pool."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Begin with none in hand."""
        self._pool = pool
        self._free: list[Any] = []
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._held = 0

    @property
    def is_exhausted(self) -> bool:
        """Say whether the next one to come would have to wait."""
        return not self._free and self._held >= self._pool.get_max_size()

    async def take(self) -> Any:  # noqa: ANN401 -- the driver's own type of what a pool lends
        """Return a connection. Raises `TimeoutError` when none came free in time."""
        while self._free:
            connection = self._free.pop()
            if _is_open(connection):
                return connection
            await self.drop(connection)
        if self._held < self._pool.get_max_size():
            return await self._open()
        return await self._wait()

    def give(self, connection: Any) -> None:  # noqa: ANN401 -- as above
        """Take back a connection on which all went well."""
        if not self._tell_first(connection):
            self._free.append(connection)

    async def drop(self, connection: Any) -> None:  # noqa: ANN401 -- as above
        """Give up a connection on which something went wrong: the pool sees to it."""
        try:
            await self._pool.release(connection)
        finally:
            self._left()

    async def close(self) -> None:
        """Give every free connection back to the pool."""
        while self._free:
            await self.drop(self._free.pop())

    async def _open(self) -> Any:  # noqa: ANN401 -- as above
        self._held += 1
        try:
            return await self._pool.acquire(timeout=OPEN_SECONDS)
        except BaseException:
            self._left()
            raise

    async def _wait(self) -> Any:  # noqa: ANN401 -- as above
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                connection = await mine
        except BaseException:
            # Race: it, or the place of one, may have been handed over as the waiting ended.
            if mine.done() and not mine.cancelled():
                if mine.result() is None:
                    self._tell_first(None)
                else:
                    self.give(mine.result())
            raise
        if connection is None:
            return await self.take()
        if _is_open(connection):
            return connection
        await self.drop(connection)
        return await self.take()

    def _left(self) -> None:
        """Note that there is room for one more, and let whoever waits first open it."""
        self._held -= 1
        self._tell_first(None)

    def _tell_first(self, connection: Any) -> bool:  # noqa: ANN401 -- as above
        """Hand a connection to whoever waits first, or None for a place; say whether any does."""
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(connection)
                return True
        return False


def _is_open(connection: Any) -> bool:  # noqa: ANN401 -- as above
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # It ended while it was in hand, and its pool has taken it back already.
        return False
