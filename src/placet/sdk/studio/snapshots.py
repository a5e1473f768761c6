"""Snapshots."""

from collections.abc import AsyncIterator
from uuid import UUID

from placet.kernel.paging import Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.snapshots.model import SnapshotAnswer, SnapshotSummary, TakeSnapshot


class Snapshots:
    """Drafts, frozen with everything that was found in them."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def take(self, draft_id: UUID, *, version: int, key: str | None = None) -> SnapshotAnswer:
        """Freeze a draft that has this version."""
        path = path_of("/studio/drafts/{id}/snapshots", id=draft_id)
        asked = TakeSnapshot(expected_draft_version=version)
        return await self._door.post(path, SnapshotAnswer, asked, key=key)

    async def get(self, snapshot_id: UUID) -> SnapshotAnswer:
        """Return one snapshot with the contract as it was."""
        return await self._door.get(
            path_of("/studio/snapshots/{id}", id=snapshot_id), SnapshotAnswer
        )

    def every(self, workspace_id: UUID) -> AsyncIterator[SnapshotSummary]:
        """Yield every snapshot of a workspace, the oldest first."""
        path = path_of("/studio/workspaces/{id}/snapshots", id=workspace_id)
        return self._door.every(path, Page[SnapshotSummary])
