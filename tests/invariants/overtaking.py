"""Two transactions whose order is forced, without a sleep.

The first runs to the end of its work and does not commit; the second is started and runs until it
waits for the first, or is through; then the first commits. What each came to is returned.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import sqlalchemy as sa

from placet.kernel.principal import Principal
from placet.storage.database import Database, Writing

_WAITING = sa.text(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    " AND cardinality(pg_blocking_pids(pid)) > 0"
)


@dataclass
class Side:
    """One of two transactions: who opens it, and what it does before it commits."""

    principal: Principal
    work: Callable[[Writing], Awaitable[object]]


async def overtake(db: Database, first: Side, second: Side) -> tuple[object, object]:
    """Return what the two came to: the work's result, or the exception that ended it."""
    async with db.writing(first.principal) as tx:
        result = await first.work(tx)
        late = asyncio.create_task(_run(db, second))
        await _until_it_waits(db, first.principal, late)
    return result, await late


async def _run(db: Database, side: Side) -> object:
    try:
        async with db.writing(side.principal) as tx:
            return await side.work(tx)
    except Exception as fault:  # noqa: BLE001 -- whatever ended it is what the test looks at
        return fault


async def _until_it_waits(db: Database, who: Principal, late: asyncio.Task[object]) -> None:
    while not late.done():
        # Who waits is looked up once a transaction, so each look needs one of its own.
        async with db.reading(who) as tx:
            if await tx.rows(_WAITING):
                return
