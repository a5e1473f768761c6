"""Questions about which sessions a window of time touches, and how far their streams had come."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from placet.audit.bundles.model import LoggedEnd, StreamEnd
from placet.events.model import StreamKind
from placet.events.tables import EVENT, EVENT_STREAM
from placet.replay.calls.tables import PENDING_CALL
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import Reading

AT_ONCE: Final = 200
"""Sessions asked about in one statement."""

# The sum keeps the planner from reading the log by index, all of it, for the sake of one stream.
_PLACES: Final = """
SELECT s.stream_id, e.seq, e.index
FROM unnest($2::uuid[], $3::bigint[]) AS s(stream_id, head_seq) CROSS JOIN LATERAL (
    SELECT l.seq, l.index FROM placet.evidence_log_entry AS l
    WHERE l.tenant_id = $1 AND l.stream_id = s.stream_id AND l.seq <= s.head_seq
        AND l.index + 0 < $4
    ORDER BY l.seq DESC LIMIT 1) AS e
"""


# One look into the log for each stream, and one at the event that stands there.
_ENDS: Final = """
SELECT s.stream_id, l.seq, e.leaf, e.at
FROM unnest($2::uuid[]) AS s(stream_id) CROSS JOIN LATERAL (
    SELECT l.seq FROM placet.evidence_log_entry AS l
    WHERE l.tenant_id = $1 AND l.stream_id = s.stream_id AND l.index + 0 < $3
    ORDER BY l.seq DESC LIMIT 1) AS l
JOIN placet.event AS e ON e.tenant_id = $1 AND e.stream_id = s.stream_id AND e.seq = l.seq
"""


async def list_touched(
    tx: Reading, since: datetime, until: datetime, agent: str | None, *, after: UUID | None
) -> list[UUID]:
    """Return up to `AT_ONCE` sessions, by id above `after`, that may have an event in the window.

    Those were open at some moment of it, or have events that came after their end.
    """
    c = REPLAY_SESSION.c
    query = sa.select(c.session_id).where(
        c.tenant_id == tx.tenant_id, c.created_at <= until, c.last_event_at >= since
    )
    if agent is not None:
        query = query.where(c.agent == agent)
    if after is not None:
        query = query.where(c.session_id > after)
    return [row.session_id for row in await tx.rows(query.order_by(c.session_id).limit(AT_ONCE))]


async def list_others(
    tx: Reading, since: datetime, without: Collection[StreamKind], *, after: UUID | None
) -> dict[UUID, StreamKind]:
    """Return up to `AT_ONCE` ordinary streams of other kinds that were written to since, by id.

    Their ids are above `after`; each comes with its kind.
    """
    c = EVENT_STREAM.c
    query = sa.select(c.stream_id, c.kind).where(
        c.tenant_id == tx.tenant_id, c.last_at >= since, c.kind.not_in(list(without))
    )
    if after is not None:
        query = query.where(c.stream_id > after)
    rows = await tx.rows(query.order_by(c.stream_id).limit(AT_ONCE))
    return {row.stream_id: StreamKind(row.kind) for row in rows}


async def list_using(tx: Reading, sessions: Sequence[UUID], tool: str) -> set[UUID]:
    """Return those of these sessions in which a call of the tool was proposed."""
    c = PENDING_CALL.c
    query = sa.select(c.session_id).where(
        c.tenant_id == tx.tenant_id, c.session_id.in_(sessions), c.tool_name == tool
    )
    return {row.session_id for row in await tx.rows(query.distinct())}


async def list_artifacts(tx: Reading, sessions: Sequence[UUID]) -> list[UUID]:
    """Return the artifacts that these sessions run under, each once."""
    c = REPLAY_SESSION.c
    query = sa.select(c.artifact_id).where(c.tenant_id == tx.tenant_id, c.session_id.in_(sessions))
    rows = await tx.rows(query.distinct().order_by(c.artifact_id))
    return [row.artifact_id for row in rows]


async def list_ends(
    tx: Reading, streams: Sequence[UUID], since: datetime, until: datetime
) -> list[StreamEnd]:
    """Return the last event up to `until` of each of these streams that has one in the window."""
    asked = (
        sa.func.unnest(sa.bindparam("streams", streams, type_=sa.ARRAY(sa.Uuid)), type_=sa.Uuid)
        .table_valued("stream_id", name="asked")
        .render_derived()
    )
    e = EVENT.c
    last = (
        sa.select(e.seq, e.leaf, e.at)
        .where(e.tenant_id == tx.tenant_id, e.stream_id == asked.c.stream_id, e.at <= until)
        .order_by(e.seq.desc())
        .limit(1)
        .lateral("last")
    )
    query = (
        sa.select(asked.c.stream_id, last.c.seq, last.c.leaf)
        .select_from(asked.join(last, sa.true()))
        .where(last.c.at >= since)
        .order_by(asked.c.stream_id)
    )
    return await tx.list(StreamEnd, query)


async def list_entered(
    tx: Reading, streams: Sequence[UUID], before_index: int
) -> dict[UUID, LoggedEnd]:
    """Return each stream's last event among the first entries of the log, where it has one."""
    rows = await tx.records(_ENDS, tx.tenant_id, list(streams), before_index)
    return {row["stream_id"]: LoggedEnd(**row) for row in rows}


async def time_of(tx: Reading, stream_id: UUID, seq: int) -> datetime:
    """Return when an event, which must be there, was written."""
    e = EVENT.c
    query = sa.select(e.at).where(
        e.tenant_id == tx.tenant_id, e.stream_id == stream_id, e.seq == seq
    )
    ((at,),) = await tx.rows(query)
    found: datetime = at
    return found


async def list_places(
    tx: Reading, streams: Sequence[tuple[UUID, int]], before_index: int
) -> dict[UUID, tuple[int, int]]:
    """Return sequence and index of each stream's last event among the first entries of the log.

    Each stream is given with the sequence up to which it counts; what has none there is left out.
    """
    rows = await tx.records(
        _PLACES,
        tx.tenant_id,
        [stream_id for stream_id, _ in streams],
        [head_seq for _, head_seq in streams],
        before_index,
    )
    return {row["stream_id"]: (row["seq"], row["index"]) for row in rows}
