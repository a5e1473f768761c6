"""Appending to ordinary streams, and reading any stream."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.model import (
    EventStream,
    NewEvent,
    RecordedEvent,
    Span,
    SpanRow,
    StreamId,
    StreamKind,
)
from placet.events.tables import EVENT, EVENT_BODY, EVENT_STREAM
from placet.storage.database import Reading, Writing

_APPEND = sa.text(
    "SELECT last_seq, at FROM placet.event_append_v1"
    "(:stream, :kind, :actor, :ids, :types, :salts, :bodies)"
).bindparams(
    sa.bindparam("ids", type_=postgresql.ARRAY(sa.Uuid)),
    sa.bindparam("types", type_=postgresql.ARRAY(sa.Text)),
    sa.bindparam("salts", type_=postgresql.ARRAY(sa.LargeBinary)),
    sa.bindparam("bodies", type_=postgresql.ARRAY(sa.LargeBinary)),
)

# Whatever the planner knows of the tables, each span is one index scan and each body one look: a
# lateral with a limit is never turned into a join over a whole stream.
_SPANS: Final = """
SELECT p.place, p.seq, p.event_id, p.actor_id, p.epoch, p.fence, p.control_epoch,
    p.control_revision, p.at, p.type, p.prev, p.body_hash, p.leaf, p.salt, p.body
FROM (
    SELECT s.place, e.*,
        sum(e.size) OVER (ORDER BY s.place, e.seq ROWS UNBOUNDED PRECEDING) - e.size AS before
    FROM unnest($2::uuid[], $3::bigint[], $4::bigint[])
        WITH ORDINALITY AS s(stream_id, lowest, highest, place)
    CROSS JOIN LATERAL (
        SELECT h.seq, h.event_id, h.actor_id, h.epoch, h.fence, h.control_epoch,
            h.control_revision, h.at, h.type, h.prev, h.body_hash, h.leaf, b.salt, b.body,
            coalesce(octet_length(b.body), 0) AS size
        FROM placet.event AS h
        LEFT JOIN LATERAL (
            SELECT t.salt, t.body FROM placet.event_body AS t
            WHERE t.tenant_id = $1 AND t.stream_id = s.stream_id AND t.seq = h.seq LIMIT 1
        ) AS b ON true
        WHERE h.tenant_id = $1 AND h.stream_id = s.stream_id
            AND h.seq BETWEEN s.lowest AND s.highest
        ORDER BY h.seq LIMIT s.highest - s.lowest + 1
    ) AS e
) AS p
WHERE p.before < $5
ORDER BY p.place, p.seq
"""


async def append(
    tx: Writing, stream: StreamId, kind: StreamKind, events: Sequence[NewEvent]
) -> tuple[int, datetime]:
    """Append events to an ordinary stream, making it if it is new.

    Returns the last sequence number and the time that the events carry. Holds the stream's row
    until the transaction ends, so append last.
    """
    row = await tx.returning(
        _APPEND.bindparams(
            stream=stream,
            kind=kind.value,
            actor=tx.actor_id,
            ids=[event.event_id for event in events],
            types=[event.type for event in events],
            salts=[event.salt for event in events],
            bodies=[event.body for event in events],
        )
    )
    assert row is not None, "the function returns one row"  # noqa: S101 -- it has OUT parameters
    last_seq: int = row.last_seq
    at: datetime = row.at
    return last_seq, at


async def hold_stream(tx: Writing, stream: StreamId) -> None:
    """Hold a stream's row, if it is there, until the transaction ends.

    What is read afterwards and was changed under this row before is read as it was left.
    """
    row = sa.select(EVENT_STREAM.c.stream_id).where(
        EVENT_STREAM.c.tenant_id == tx.tenant_id, EVENT_STREAM.c.stream_id == stream
    )
    await tx.rows(row.with_for_update(key_share=True))


async def list_events(
    tx: Reading, stream: StreamId, *, after: int, limit: int
) -> list[RecordedEvent]:
    """Return up to `limit` events of a stream with a sequence above `after`, in order."""
    joined = EVENT.outerjoin(
        EVENT_BODY,
        sa.and_(
            EVENT.c.tenant_id == EVENT_BODY.c.tenant_id,
            EVENT.c.stream_id == EVENT_BODY.c.stream_id,
            EVENT.c.seq == EVENT_BODY.c.seq,
        ),
    )
    query = (
        sa.select(*EVENT.c, EVENT_BODY.c.salt, EVENT_BODY.c.body)
        .select_from(joined)
        .where(EVENT.c.tenant_id == tx.tenant_id, EVENT.c.stream_id == stream, EVENT.c.seq > after)
        .order_by(EVENT.c.seq)
        .limit(limit)
    )
    return await tx.list(RecordedEvent, query)


async def list_spans(tx: Reading, spans: Sequence[Span], *, bytes_max: int) -> list[SpanRow]:
    """Return the events of these spans, span after span, each in its order.

    Ends behind the event whose body reaches `bytes_max` bytes of bodies together, wherever that is;
    whoever wants the rest asks again from there.
    """
    rows = await tx.records(
        _SPANS,
        tx.tenant_id,
        [span.stream_id for span in spans],
        [span.after + 1 for span in spans],
        [span.upto for span in spans],
        bytes_max,
    )
    return [tuple(row) for row in rows]


async def list_streams(tx: Reading) -> list[EventStream]:
    """Return every ordinary stream of the tenant with its head."""
    query = (
        sa.select(EVENT_STREAM)
        .where(EVENT_STREAM.c.tenant_id == tx.tenant_id)
        .order_by(EVENT_STREAM.c.stream_id)
    )
    return await tx.list(EventStream, query)


async def find_leaf(tx: Reading, stream: StreamId, seq: int) -> bytes | None:
    """Return the leaf of an event of a stream, or None where none stands there."""
    query = sa.select(EVENT.c.leaf).where(
        EVENT.c.tenant_id == tx.tenant_id, EVENT.c.stream_id == stream, EVENT.c.seq == seq
    )
    rows = await tx.rows(query)
    return None if not rows else bytes(rows[0].leaf)


async def find_stream(tx: Reading, stream: StreamId) -> EventStream | None:
    """Return the head of an ordinary stream, or None: then it is a session's, or none at all."""
    return await tx.find(
        EventStream,
        sa.select(EVENT_STREAM).where(
            EVENT_STREAM.c.tenant_id == tx.tenant_id, EVENT_STREAM.c.stream_id == stream
        ),
    )
