"""Questions about ends of streams, and the row that each of them is."""

import sqlalchemy as sa

from placet.events.closings.model import EventClose
from placet.events.closings.tables import EVENT_CLOSE
from placet.events.model import StreamId
from placet.storage.database import Reading, Writing


async def find_close(tx: Reading, stream: StreamId) -> EventClose | None:
    """Return where a stream ended, or None for one that goes on."""
    c = EVENT_CLOSE.c
    query = sa.select(EVENT_CLOSE).where(c.tenant_id == tx.tenant_id, c.stream_id == stream)
    return await tx.find(EventClose, query)


async def insert_close(tx: Writing, made: EventClose) -> None:
    """Keep the end of a stream, whose last event stands already. A trigger has its seal told."""
    await tx.insert(EVENT_CLOSE, made)
