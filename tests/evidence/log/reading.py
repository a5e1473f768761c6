"""What stands in a tenant's log, and what should."""

from uuid import UUID

import sqlalchemy as sa

from placet.evidence.log import store
from placet.evidence.log.model import LogEntry, LogHead
from placet.kernel.principal import Principal
from placet.storage.database import Database

_EVENTS = sa.text(
    "SELECT stream_id, seq FROM placet.event WHERE tenant_id = placet.tenant()"
    " ORDER BY stream_id, seq"
)


async def entries_of(db: Database, who: Principal) -> list[LogEntry]:
    async with db.reading(who) as tx:
        return await store.list_entries(tx, start=0, limit=1_000_000)


async def head_of(db: Database, who: Principal) -> LogHead | None:
    async with db.reading(who) as tx:
        return await store.find_head(tx)


async def events_of(db: Database, who: Principal) -> dict[UUID, list[int]]:
    """Return the sequences of every stream of the tenant."""
    found: dict[UUID, list[int]] = {}
    async with db.reading(who) as tx:
        for row in await tx.rows(_EVENTS):
            found.setdefault(row.stream_id, []).append(row.seq)
    return found
