"""Two transactions in a forced order, with real commits and without a sleep.

The first does its work and does not commit; the second begins and runs until it waits for the
first, or is through; then the first commits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from tests.events.kept import Store

from placet.kernel.refusals import Refusal
from placet.storage.database import Writing

Work = Callable[[Writing], Awaitable[object]]

_PID: Final = sa.text("SELECT pg_backend_pid() AS pid")
_BLOCKED: Final = sa.text("SELECT cardinality(pg_blocking_pids(:pid)) > 0 AS blocked")


@dataclass(frozen=True)
class Met:
    """What two works came to, and whether the second waited for the first."""

    first: object
    second: object
    waited: bool


async def meet(store: Store, first: Work, second: Work) -> Met:
    """Return what the two came to: the work's result, or the exception that ended it."""
    pids: asyncio.Queue[int] = asyncio.Queue()

    async def later() -> object:
        async with store.db.writing(store.who) as tx:
            ((pid,),) = await tx.rows(_PID)
            pids.put_nowait(int(pid))
            return await second(tx)

    async with store.db.writing(store.who) as tx:
        result = await first(tx)
        late = asyncio.ensure_future(came_to(later))
        waited = await waits(store, await pids.get(), late)
    return Met(result, await late, waited)


async def came_to(work: Callable[[], Awaitable[object]]) -> object:
    """Return the result of a work, or the exception that ended it."""
    try:
        return await work()
    except Exception as fault:  # noqa: BLE001 -- whatever ended it is what a test looks at
        return fault


async def waits(store: Store, pid: int, late: "asyncio.Future[object]") -> bool:
    """Return once a backend waits for another or its work is through: whether it waits."""
    while not late.done():
        async with store.db.reading(store.who) as tx:
            ((blocked,),) = await tx.rows(_BLOCKED.bindparams(pid=pid))
        if blocked:
            return True
    return False


def code_of(outcome: object) -> str:
    """Return `ok`, the code of a refusal, or the name of a fault that nobody should see."""
    if isinstance(outcome, Refusal):
        return outcome.code()
    return f"fault {type(outcome).__name__}" if isinstance(outcome, Exception) else "ok"
