"""Questions about snapshots, and the rows that come and go."""

from typing import Final
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.model import StreamKind, tenant_stream
from placet.events.tables import EVENT
from placet.kernel.refusals import NotFound
from placet.replay.snapshots.model import (
    SNAPSHOTS_KEPT,
    ErasedSpan,
    PlacedSnapshot,
    ReplaySessionSnapshot,
)
from placet.replay.snapshots.tables import SESSION_SNAPSHOT
from placet.storage.database import Reading, Writing, fields_of

_C = SESSION_SNAPSHOT.c
_SPAN: Final = msgspec.json.Decoder(ErasedSpan)
# Bodies of ours are in canonical form, and one names no other stream.
_ERASED: Final = sa.text(
    """
    SELECT b.body FROM placet.event AS e
    JOIN placet.event_body AS b
        ON b.tenant_id = e.tenant_id AND b.stream_id = e.stream_id AND b.seq = e.seq
    WHERE e.tenant_id = :tenant AND e.stream_id = :stream AND e.type = 'BodiesErased'
      AND position(:needle IN b.body) > 0
    ORDER BY e.seq
    """
).bindparams(
    sa.bindparam("tenant", type_=sa.Uuid),
    sa.bindparam("stream", type_=sa.Uuid),
    sa.bindparam("needle", type_=sa.LargeBinary),
)


async def list_snapshots(
    tx: Reading, session_id: UUID, *, below: int, limit: int
) -> list[PlacedSnapshot]:
    """Return snapshots of a session with a sequence number below this, the latest first."""
    query = _placed(tx, session_id).where(_C.seq < below)
    return await tx.list(PlacedSnapshot, query.order_by(_C.seq.desc()).limit(limit))


async def find_snapshot(tx: Reading, session_id: UUID, seq: int) -> PlacedSnapshot | None:
    """Return the snapshot of a session at a sequence number, if one stands there."""
    return await tx.find(PlacedSnapshot, _placed(tx, session_id).where(_C.seq == seq))


async def get_snapshot(tx: Reading, session_id: UUID, seq: int) -> PlacedSnapshot:
    """Return the snapshot of a session at a sequence number. Refuses `not_found`."""
    found = await find_snapshot(tx, session_id, seq)
    if found is None:
        raise NotFound(detail="there is no such thing here")
    return found


async def keep_snapshot(tx: Writing, snapshot: ReplaySessionSnapshot) -> None:
    """Keep a snapshot in place of another that stands there, and remove what is too old.

    The same one again changes nothing.
    """
    here = sa.and_(_C.tenant_id == tx.tenant_id, _C.session_id == snapshot.session_id)
    is_other = sa.or_(
        _C.form != snapshot.form,
        _C.head != snapshot.head,
        _C.state != snapshot.state,
        _C.digest != snapshot.digest,
    )
    replaced = sa.delete(SESSION_SNAPSHOT).where(here, _C.seq == snapshot.seq, is_other)
    await tx.change(replaced)
    added = postgresql.insert(SESSION_SNAPSHOT).values(fields_of(snapshot))
    await tx.change(added.on_conflict_do_nothing())
    stay = sa.select(_C.seq).where(here).order_by(_C.seq.desc()).limit(SNAPSHOTS_KEPT)
    await tx.change(sa.delete(SESSION_SNAPSHOT).where(here, _C.seq.not_in(stay.scalar_subquery())))


async def list_erased(tx: Reading, session_id: UUID) -> list[ErasedSpan]:
    """Return what the tenant's `erasures` stream tells was erased of a session, in its order."""
    rows = await tx.rows(
        _ERASED.bindparams(
            tenant=tx.tenant_id,
            stream=tenant_stream(tx.tenant_id, StreamKind.ERASURES),
            needle=f'"stream_id":"{session_id}"'.encode(),
        )
    )
    return [_SPAN.decode(row.body) for row in rows]


def _placed(tx: Reading, session_id: UUID) -> "sa.Select[tuple[object, ...]]":
    joined = SESSION_SNAPSHOT.outerjoin(
        EVENT,
        sa.and_(
            EVENT.c.tenant_id == _C.tenant_id,
            EVENT.c.stream_id == _C.session_id,
            EVENT.c.seq == _C.seq,
        ),
    )
    return (
        sa.select(*_C, EVENT.c.leaf)
        .select_from(joined)
        .where(_C.tenant_id == tx.tenant_id, _C.session_id == session_id)
    )
