"""Questions about impact previews, and the row that is added."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import Reading, Writing
from placet.studio.impact.model import ImpactNotFound, ImpactPreview
from placet.studio.impact.tables import IMPACT

_C = IMPACT.c
_ERASED: Final = sa.text(
    """
    SELECT DISTINCT x.stream_id FROM placet.audit_erasure AS x
    WHERE x.tenant_id = :tenant AND x.stream_id = ANY (:sessions)
    """
).bindparams(
    sa.bindparam("tenant", type_=sa.Uuid),
    sa.bindparam("sessions", type_=postgresql.ARRAY(sa.Uuid)),
)


async def hold_shown(tx: Writing, sessions: Collection[UUID]) -> set[UUID]:
    """Hold the sessions whose calls are about to be shown; return those that lost bodies.

    Race: an erasure waits until the transaction ends, and then finds the copy that it made.
    """
    held = (
        sa.select(REPLAY_SESSION.c.session_id)
        .where(
            REPLAY_SESSION.c.tenant_id == tx.tenant_id, REPLAY_SESSION.c.session_id.in_(sessions)
        )
        .order_by(REPLAY_SESSION.c.session_id)
        .with_for_update(key_share=True)
    )
    await tx.rows(held)
    rows = await tx.rows(_ERASED.bindparams(tenant=tx.tenant_id, sessions=sorted(sessions)))
    return {row.stream_id for row in rows}


async def insert_preview(tx: Writing, preview: ImpactPreview) -> None:
    """Add a preview."""
    await tx.insert(IMPACT, preview)


async def find_like(tx: Reading, preview: ImpactPreview) -> ImpactPreview | None:
    """Return the preview of the same comparison over the same window, if there is one."""
    query = _of(tx, preview.workspace_id, preview.candidate_hash).where(
        _C.compared_with == preview.compared_with,
        _C.against_hash.is_not_distinct_from(preview.against_hash),
        _C.since == preview.since,
        _C.until == preview.until,
        _C.calls_max == preview.calls_max,
        _C.snapshot_id == preview.snapshot_id,
    )
    return await tx.find(ImpactPreview, query)


async def find_latest(tx: Reading, workspace_id: UUID, candidate_hash: str) -> ImpactPreview | None:
    """Return the latest preview of what a candidate compiles to in a workspace."""
    return await tx.find(ImpactPreview, _of(tx, workspace_id, candidate_hash))


async def get_latest_of(tx: Reading, snapshot_id: UUID) -> ImpactPreview:
    """Return the latest preview of a snapshot. Refuses `impact_not_found`."""
    query = (
        sa.select(IMPACT)
        .where(_C.tenant_id == tx.tenant_id, _C.snapshot_id == snapshot_id)
        .order_by(_C.impact_id.desc())
        .limit(1)
    )
    found = await tx.find(ImpactPreview, query)
    if found is None:
        raise ImpactNotFound(detail="no impact of this snapshot was computed yet")
    return found


def _of(tx: Reading, workspace_id: UUID, candidate_hash: str) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(IMPACT)
        .where(
            _C.tenant_id == tx.tenant_id,
            _C.workspace_id == workspace_id,
            _C.candidate_hash == candidate_hash,
        )
        .order_by(_C.computed_at.desc(), _C.impact_id.desc())
        .limit(1)
    )
