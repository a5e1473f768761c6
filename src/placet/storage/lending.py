"""Connections of the hot pool, kept in hand once they were opened.

The driver's pool sets a time limit at each taking and makes a task at each giving back. A
connection that nobody else wants needs neither, and that is nearly always so. So a connection is
taken from that pool once and lent from a list; it goes back where a call on it was lost or
cancelled, and the pool mends or replaces it. What Postgres refuses leaves it as it was.

Who finds none waits for the next that is given back or was opened, first come, first served, and no
longer than a limit. Connections are opened a few at a time, by nobody in particular: whoever waits
may be served by another, and one that took longer than anybody waited is there for the next. On a
busy machine opening would otherwise be given up and begun again for as long as the load lasts.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Final

import asyncpg

WAIT_SECONDS: Final = 0.5
"""How long to wait for one that others have."""

OPEN_SECONDS: Final = 2.0
"""How long to wait while one is being opened: it is warmed first."""

GIVE_UP_SECONDS: Final = 15.0
"""How long opening one may take at all."""

RELEASE_SECONDS: Final = 2.0
"""How long to see to one on which something went wrong, before it is closed."""

OPENED_AT_ONCE: Final = 4


class Lender:
    """Lends the connections of one pool."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Begin with none in hand."""
        self._pool = pool
        self._free: list[Any] = []
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._opening: set[asyncio.Future[Any]] = set()
        self._held = 0

    @property
    def is_exhausted(self) -> bool:
        """Say whether the next one to come would have to wait for one that others have."""
        return not self._free and self._held >= self._pool.get_max_size()

    async def take(self) -> Any:  # noqa: ANN401 -- the driver's own type of what a pool lends
        """Return a connection. Raises `TimeoutError` when none came free in time.

        Raises what the driver does where one cannot be opened.
        """
        while self._free:
            connection = self._free.pop()
            if _is_open(connection):
                return connection
            await self.drop(connection)
        return await self._wait()

    def give(self, connection: Any) -> None:  # noqa: ANN401 -- as above
        """Take back a connection on which all went well."""
        first = self._first()
        if first is None:
            self._free.append(connection)
        else:
            first.set_result(connection)

    async def drop(self, connection: Any) -> None:  # noqa: ANN401 -- as above
        """Give up a connection on which something went wrong: the pool sees to it."""
        try:
            # Without a limit of its own this had that of the opening.
            await self._pool.release(connection, timeout=RELEASE_SECONDS)
        finally:
            self._held -= 1
            self._open_more()

    async def close(self) -> None:
        """Give every free connection back to the pool."""
        while self._opening:
            for opening in self._opening:
                opening.cancel()
            await asyncio.gather(*self._opening, return_exceptions=True)
        while self._free:
            await self.drop(self._free.pop())

    async def _wait(self) -> Any:  # noqa: ANN401 -- as above
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        self._open_more()
        try:
            async with asyncio.timeout(OPEN_SECONDS if self._opening else WAIT_SECONDS):
                connection = await mine
        except BaseException:
            with suppress(ValueError):
                self._waiting.remove(mine)
            # Race: one may have been handed over as the waiting ended.
            if mine.done() and not mine.cancelled() and mine.exception() is None:
                self.give(mine.result())
            raise
        if _is_open(connection):
            return connection
        await self.drop(connection)
        return await self.take()

    def _open_more(self) -> None:
        """Open one for each who waits, as far as there is room."""
        room = min(OPENED_AT_ONCE, len(self._opening) + self._pool.get_max_size() - self._held)
        while len(self._opening) < min(len(self._waiting), room):
            self._held += 1
            opening = asyncio.ensure_future(self._pool.acquire(timeout=GIVE_UP_SECONDS))
            self._opening.add(opening)
            opening.add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Future[Any]) -> None:
        """Lend what was opened, or tell whoever waits first why it could not be."""
        self._opening.discard(opening)
        fault = TimeoutError() if opening.cancelled() else opening.exception()
        if fault is None:
            self.give(opening.result())
        else:
            self._held -= 1
            first = self._first()
            if first is not None:
                first.set_exception(fault)
        self._open_more()

    def _first(self) -> asyncio.Future[Any] | None:
        """Return whoever waits first and has not gone away, who then waits no more."""
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                return first
        return None


def _is_open(connection: Any) -> bool:  # noqa: ANN401 -- as above
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # It ended while it was in hand, and its pool has taken it back already.
        return False
