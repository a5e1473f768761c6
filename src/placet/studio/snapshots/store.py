"""Questions about snapshots, and the row that is added."""

from uuid import UUID

import sqlalchemy as sa

from placet.storage.database import Reading, Writing
from placet.studio.drafts.model import BusinessDraft
from placet.studio.snapshots.model import (
    BusinessDraftSnapshot,
    SnapshotNotFound,
    SnapshotSummary,
)
from placet.studio.snapshots.tables import SNAPSHOT


async def find_snapshot_at(
    tx: Reading, draft: BusinessDraft, compiler_version: str
) -> BusinessDraftSnapshot | None:
    """Return the snapshot of a draft at its present version by this compiler."""
    return await tx.find(
        BusinessDraftSnapshot,
        sa.select(SNAPSHOT).where(
            SNAPSHOT.c.tenant_id == tx.tenant_id,
            SNAPSHOT.c.draft_id == draft.draft_id,
            SNAPSHOT.c.version == draft.current_version,
            SNAPSHOT.c.compiler_version == compiler_version,
        ),
    )


async def get_snapshot(tx: Reading, snapshot_id: UUID) -> BusinessDraftSnapshot:
    """Return a snapshot. Refuses `snapshot_not_found`."""
    found = await tx.find(
        BusinessDraftSnapshot,
        sa.select(SNAPSHOT).where(
            SNAPSHOT.c.tenant_id == tx.tenant_id, SNAPSHOT.c.snapshot_id == snapshot_id
        ),
    )
    if found is None:
        raise SnapshotNotFound(detail="there is no snapshot with this id")
    return found


async def list_snapshots(
    tx: Reading, workspace_id: UUID, *, after: UUID | None, limit: int
) -> list[SnapshotSummary]:
    """Return up to `limit` snapshots of a workspace in the order of their taking, after one."""
    columns = [SNAPSHOT.c[name] for name in SnapshotSummary.__struct_fields__]
    query = sa.select(*columns).where(
        SNAPSHOT.c.tenant_id == tx.tenant_id, SNAPSHOT.c.workspace_id == workspace_id
    )
    if after is not None:
        query = query.where(SNAPSHOT.c.snapshot_id > after)
    return await tx.list(SnapshotSummary, query.order_by(SNAPSHOT.c.snapshot_id).limit(limit))


async def insert_snapshot(tx: Writing, snapshot: BusinessDraftSnapshot) -> None:
    """Add a snapshot."""
    await tx.insert(SNAPSHOT, snapshot)
