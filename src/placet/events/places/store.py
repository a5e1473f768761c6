"""Appending in full, and reading on from where a reader stands."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.model import RecordedEvent, StreamId
from placet.events.places.model import (
    Batch,
    CursorUnknown,
    EventPlace,
    Placed,
    Position,
)
from placet.events.places.tables import EVENT_PLACE
from placet.events.store import find_leaf, list_events
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing

_PLACE: Final = sa.text(
    "SELECT * FROM placet.event_place_v1(:stream, :kind, :actor, :ids, :types, :salts, :bodies,"
    " :parents, :expected, :epoch, :fence)"
).bindparams(
    sa.bindparam("ids", type_=postgresql.ARRAY(sa.Uuid)),
    sa.bindparam("types", type_=postgresql.ARRAY(sa.Text)),
    sa.bindparam("salts", type_=postgresql.ARRAY(sa.LargeBinary)),
    sa.bindparam("bodies", type_=postgresql.ARRAY(sa.LargeBinary)),
    sa.bindparam("parents", type_=postgresql.ARRAY(sa.Uuid)),
    sa.bindparam("expected", type_=sa.BigInteger),
    sa.bindparam("epoch", type_=sa.BigInteger),
    sa.bindparam("fence", type_=sa.BigInteger),
)
_P: Final = EVENT_PLACE.c


async def place_batch(tx: Writing, batch: Batch, parents: list[UUID | None]) -> Placed:
    """Append a batch if nothing is in the way, and return what became of it either way."""
    row = await tx.returning(
        _PLACE.bindparams(
            stream=batch.stream_id,
            kind=batch.kind.value,
            actor=tx.actor_id,
            ids=[event.event_id for event in batch.events],
            types=[event.type for event in batch.events],
            salts=[event.salt for event in batch.events],
            bodies=[event.body for event in batch.events],
            parents=parents,
            expected=batch.expected_seq,
            epoch=None if batch.fence is None else batch.fence.epoch,
            fence=None if batch.fence is None else batch.fence.n,
        )
    )
    assert row is not None, "the function returns one row"  # noqa: S101 -- it has OUT parameters
    return Placed(
        code=row.code,
        seqs=list(row.seqs),
        stands_at=row.stands_at,
        head=row.head,
        at=row.at,
        written=row.written,
        told=row.told,
        epoch=row.epoch,
        fence=row.fence,
    )


async def list_after(
    tx: Reading, stream: StreamId, after: Position, *, limit: int
) -> list[RecordedEvent]:
    """Return up to `limit` events that follow a position, in order; none where it is the end.

    Any stream may be read. Refuses `not_found` for a stream with no events, and `cursor_unknown`
    where another event stands at the position, or none: an empty page would let a reader of what
    is gone believe that nothing followed.
    """
    if after.seq == 0:
        found = await list_events(tx, stream, after=0, limit=max(limit, 1))
        if not found:
            raise NotFound(detail="there is no such stream here")
        return found[:limit]
    if await find_leaf(tx, stream, after.seq) != after.leaf:
        raise CursorUnknown(
            detail=f"the event {after.seq} that was read is not in this stream", seq=after.seq
        )
    return await list_events(tx, stream, after=after.seq, limit=limit)


async def find_place(tx: Reading, stream: StreamId, event_id: UUID) -> EventPlace | None:
    """Return where an event stands in a stream that is appended to in full, or None."""
    return await tx.find(
        EventPlace,
        sa.select(EVENT_PLACE).where(
            _P.tenant_id == tx.tenant_id, _P.stream_id == stream, _P.event_id == event_id
        ),
    )


async def list_children(
    tx: Reading, stream: StreamId, parent_id: UUID, *, after: int = 0, limit: int
) -> list[EventPlace]:
    """Return up to `limit` events of a stream that name this parent, in their order."""
    query = sa.select(EVENT_PLACE).where(
        _P.tenant_id == tx.tenant_id,
        _P.stream_id == stream,
        _P.parent_id == parent_id,
        _P.seq > after,
    )
    return await tx.list(EventPlace, query.order_by(_P.seq).limit(limit))
