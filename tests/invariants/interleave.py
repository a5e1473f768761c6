"""Two calls of hot functions in a forced order, with real commits and without a sleep.

The first runs to its end and does not commit; the second is started and runs until it waits for
the first, or is through; then the first commits.
"""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import asyncpg

from placet.kernel.refusals import Refusal
from placet.storage.database import Database, HotPool

Work = Callable[[], Awaitable[object]]


class OneConnection:
    """A pool of one connection, given out in whatever transaction it stands."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        """Stand on a connection that stays open."""
        self._connection = connection

    async def acquire(self, *, timeout: float) -> "asyncpg.Connection[Any]":  # noqa: ASYNC109 -- the pool's own signature
        """Give out the connection at once."""
        del timeout
        return self._connection

    async def release(
        self,
        connection: "asyncpg.Connection[Any]",
        *,
        timeout: float,  # noqa: ASYNC109 -- as above
    ) -> None:
        """Take it back as it is, its transaction left open."""
        del connection, timeout

    def get_idle_size(self) -> int:
        """Return that it is free: whoever asks for it gets it."""
        return 1

    def get_size(self) -> int:
        """Return that it is open."""
        return 1

    def get_max_size(self) -> int:
        """Return that there is no other."""
        return 1


class Side:
    """One of the processes that meet: its hot functions run on a connection that a test holds."""

    def __init__(self, connection: "asyncpg.Connection[Any]", db: Database) -> None:
        """Stand on a connection of the application's role, and share the rest of a database."""
        one = cast("asyncpg.Pool[Any]", OneConnection(connection))
        self.db = copy.copy(db)
        self.db.hot = HotPool(one, one)
        self.connection = connection
        self.pid = connection.get_server_pid()

    @contextlib.asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Keep all that is called inside in one transaction, committed at the end."""
        async with self.connection.transaction():
            yield


@dataclass(frozen=True)
class Met:
    """What two works came to, and whether the second waited for the first."""

    first: object
    second: object
    waited: bool


async def overtake(
    watch: "asyncpg.Connection[Any]",
    first: tuple[Side, Work],
    second: tuple[Side, Work],
    meanwhile: Work | None = None,
) -> Met:
    """Return what the two came to: the work's result, or the exception that ended it.

    `meanwhile` is done once the second waits, before the first commits.
    """
    async with first[0].holding():
        result = await came_to(first[1])
        late = asyncio.ensure_future(came_to(second[1]))
        waited = await waits(watch, second[0].pid, late)
        if meanwhile is not None:
            await meanwhile()
    return Met(result, await late, waited)


async def came_to(work: Work) -> object:
    """Return the result of a work, or the exception that ended it."""
    try:
        return await work()
    except Exception as fault:  # noqa: BLE001 -- whatever ended it is what a test looks at
        return fault


def code_of(outcome: object) -> str:
    """Return `ok`, the code of a refusal, or the name of a fault that nobody should see."""
    if isinstance(outcome, Refusal):
        return outcome.code()
    return f"fault {type(outcome).__name__}" if isinstance(outcome, Exception) else "ok"


async def waits(watch: "asyncpg.Connection[Any]", pid: int, late: asyncio.Future[object]) -> bool:
    while not late.done():
        if await watch.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):
            return True
    return False
