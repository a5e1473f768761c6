"""Questions about fold checkpoints, and the rows that come and go."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.checkpoints.model import (
    CHECKPOINTS_KEPT,
    EventFoldCheckpoint,
    PlacedCheckpoint,
)
from placet.events.checkpoints.tables import FOLD_CHECKPOINT
from placet.events.model import StreamId
from placet.events.tables import EVENT
from placet.storage.database import Reading, Writing, fields_of

_C: Final = FOLD_CHECKPOINT.c


async def list_checkpoints(
    tx: Reading, stream: StreamId, fold: str, *, until: int, limit: int
) -> list[PlacedCheckpoint]:
    """Return checkpoints of a fold at or below `until`, the latest first, sound or not."""
    at_its_place = sa.and_(
        EVENT.c.tenant_id == _C.tenant_id,
        EVENT.c.stream_id == _C.stream_id,
        EVENT.c.seq == _C.seq,
    )
    query = (
        sa.select(*_C, EVENT.c.leaf)
        .select_from(FOLD_CHECKPOINT.outerjoin(EVENT, at_its_place))
        .where(
            _C.tenant_id == tx.tenant_id,
            _C.stream_id == stream,
            _C.fold == fold,
            _C.seq <= until,
        )
    )
    return await tx.list(PlacedCheckpoint, query.order_by(_C.seq.desc()).limit(limit))


async def keep_checkpoint(tx: Writing, checkpoint: EventFoldCheckpoint) -> None:
    """Keep a checkpoint in place of another that stands there, and remove what is too old."""
    here = sa.and_(
        _C.tenant_id == tx.tenant_id,
        _C.stream_id == checkpoint.stream_id,
        _C.fold == checkpoint.fold,
    )
    other = sa.or_(_C.digest != checkpoint.digest, _C.state != checkpoint.state)
    await tx.change(sa.delete(FOLD_CHECKPOINT).where(here, _C.seq == checkpoint.seq, other))
    added = postgresql.insert(FOLD_CHECKPOINT).values(fields_of(checkpoint))
    await tx.change(added.on_conflict_do_nothing())
    stay = sa.select(_C.seq).where(here).order_by(_C.seq.desc()).limit(CHECKPOINTS_KEPT)
    await tx.change(sa.delete(FOLD_CHECKPOINT).where(here, _C.seq.not_in(stay.scalar_subquery())))


async def drop_checkpoints(tx: Writing, stream: StreamId) -> int:
    """Remove every checkpoint of a stream, as when bodies of it are erased. Returns how many."""
    gone = sa.delete(FOLD_CHECKPOINT).where(_C.tenant_id == tx.tenant_id, _C.stream_id == stream)
    return await tx.change(gone)
