"""Sessions of an earlier epoch, a tenant's events, and the function that moves a session."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa

from placet.events.model import SYSTEM_ACTOR, NewEvent, RecordedEvent, StreamId
from placet.events.tables import EVENT, EVENT_BODY
from placet.evidence.log.tables import LOG_ENTRY
from placet.replay.calls.model import CallStatus, ReplayPendingCall
from placet.replay.calls.tables import PENDING_CALL
from placet.replay.sessions.model import ReplaySession
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import HotPool, Reading

_RESTORE: Final = "SELECT * FROM placet.session_restore_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_STOP: Final = "SELECT * FROM placet.session_stop_again_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_S: Final = REPLAY_SESSION.c
_P: Final = PENDING_CALL.c


async def list_left_behind(tx: Reading, epoch: int, limit: int) -> list[ReplaySession]:
    """Return sessions of earlier epochs that have not ended or have calls that are granted."""
    is_granted = sa.exists().where(
        _P.tenant_id == tx.tenant_id,
        _P.session_id == _S.session_id,
        _P.status == CallStatus.GRANTED,
    )
    query = sa.select(REPLAY_SESSION).where(
        _S.tenant_id == tx.tenant_id,
        _S.epoch < epoch,
        sa.or_(_S.ended_at.is_(None), is_granted),
    )
    return await tx.list(ReplaySession, query.order_by(_S.session_id).limit(limit))


async def list_granted(tx: Reading, session_id: UUID) -> list[ReplayPendingCall]:
    """Return the calls of a session that are granted, by id."""
    query = sa.select(PENDING_CALL).where(
        _P.tenant_id == tx.tenant_id,
        _P.session_id == session_id,
        _P.status == CallStatus.GRANTED,
    )
    return await tx.list(ReplayPendingCall, query.order_by(_P.call_id))


async def list_all_events(
    tx: Reading, after: tuple[StreamId, int], limit: int
) -> list[RecordedEvent]:
    """Return the tenant's events by stream and sequence, behind this place."""
    joined = EVENT.outerjoin(
        EVENT_BODY,
        sa.and_(
            EVENT.c.tenant_id == EVENT_BODY.c.tenant_id,
            EVENT.c.stream_id == EVENT_BODY.c.stream_id,
            EVENT.c.seq == EVENT_BODY.c.seq,
        ),
    )
    place = sa.tuple_(sa.literal(after[0], sa.Uuid), sa.literal(after[1], sa.BigInteger))
    query = (
        sa.select(*EVENT.c, EVENT_BODY.c.salt, EVENT_BODY.c.body)
        .select_from(joined)
        .where(
            EVENT.c.tenant_id == tx.tenant_id,
            sa.tuple_(EVENT.c.stream_id, EVENT.c.seq) > place,
        )
        .order_by(EVENT.c.stream_id, EVENT.c.seq)
        .limit(limit)
    )
    return await tx.list(RecordedEvent, query)


async def is_here(tx: Reading, event_id: UUID, place: tuple[UUID, int]) -> bool:
    """Tell whether this event stands at this place of one of the tenant's streams."""
    stream, seq = place
    query = sa.select(EVENT.c.seq).where(
        EVENT.c.tenant_id == tx.tenant_id,
        EVENT.c.stream_id == stream,
        EVENT.c.seq == seq,
        EVENT.c.event_id == event_id,
    )
    return bool(await tx.rows(query))


async def find_unlike(tx: Reading, start: int, end: int) -> int | None:
    """Return the first entry from `start` to before `end` that is not the leaf of its event."""
    e = LOG_ENTRY.c
    joined = LOG_ENTRY.outerjoin(
        EVENT,
        sa.and_(
            EVENT.c.tenant_id == e.tenant_id,
            EVENT.c.stream_id == e.stream_id,
            EVENT.c.seq == e.seq,
        ),
    )
    query = sa.select(e.index.label("place")).select_from(joined)
    within = query.where(e.tenant_id == tx.tenant_id, e.index >= start, e.index < end)
    unlike = within.where(EVENT.c.leaf.is_distinct_from(e.leaf))
    rows = await tx.rows(unlike.order_by(e.index).limit(1))
    return int(rows[0].place) if rows else None


async def restore_session(
    hot: HotPool, session: ReplaySession, granted: list[UUID], events: list[NewEvent]
) -> str:
    """Bring a session into the present epoch. Returns a code: `ok`, `redo` or `recovering`."""
    row = await hot.call(
        _RESTORE,
        session.tenant_id,
        session.session_id,
        SYSTEM_ACTOR,
        granted,
        [event.event_id for event in events],
        [event.type for event in events],
        [event.salt for event in events],
        [event.body for event in events],
    )
    code: str = row["code"]
    return code


async def stop_session(
    hot: HotPool, tenant_id: UUID, session_id: UUID, why: str, event: NewEvent
) -> str:
    """Stop a session again. Returns a code: `ok`, `ended` or `not_found`."""
    row = await hot.call(
        _STOP,
        tenant_id,
        session_id,
        SYSTEM_ACTOR,
        why,
        event.event_id,
        event.type,
        event.salt,
        event.body,
    )
    code: str = row["code"]
    return code
