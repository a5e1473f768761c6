"""Questions about snapshots, and the row that is added."""

from uuid import UUID

import sqlalchemy as sa

from placet.storage.database import Reading, Writing
from placet.studio.drafts.model import BusinessDraft
from placet.studio.snapshots.model import BusinessDraftSnapshot, SnapshotNotFound
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


async def insert_snapshot(tx: Writing, snapshot: BusinessDraftSnapshot) -> None:
    """Add a snapshot."""
    await tx.insert(SNAPSHOT, snapshot)
