"""Questions about forks, and the one row that each of them is."""

from typing import Final

import sqlalchemy as sa

from placet.events.forks.model import EventFork
from placet.events.forks.tables import EVENT_FORK
from placet.events.model import StreamId
from placet.storage.database import Reading, Writing

_F: Final = EVENT_FORK.c


async def find_fork(tx: Reading, stream: StreamId) -> EventFork | None:
    """Return where a stream came from, or None for one that is no fork."""
    return await tx.find(
        EventFork,
        sa.select(EVENT_FORK).where(_F.tenant_id == tx.tenant_id, _F.stream_id == stream),
    )


async def list_forks(tx: Reading, origin: StreamId, *, limit: int) -> list[EventFork]:
    """Return up to `limit` forks of a stream, those of its first events first."""
    query = sa.select(EVENT_FORK).where(_F.tenant_id == tx.tenant_id, _F.origin_id == origin)
    return await tx.list(EventFork, query.order_by(_F.origin_seq, _F.stream_id).limit(limit))


async def insert_fork(tx: Writing, fork: EventFork) -> None:
    """Keep a fork, whose first event stands already."""
    await tx.insert(EVENT_FORK, fork)
