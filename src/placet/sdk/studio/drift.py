"""Drift items, scans and their receipts, and the evidence for each rule."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final
from uuid import UUID

from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.drafts.model import Command
from placet.studio.drift.model import (
    AcceptDrift,
    AcceptedDrift,
    DecideDrift,
    DriftAnswer,
    DriftStatus,
    WaiveDrift,
)
from placet.studio.drift.scans.model import ApprovalRuntimeReceipt
from placet.studio.rule_evidence.model import EvidenceAnswer

_ITEM: Final = "/studio/drift/{id}"
_OF_WORKSPACE: Final = "/studio/workspaces/{id}/drift"
_RECEIPTS: Final = "/studio/workspaces/{id}/runtime-receipts"
_EVIDENCE: Final = "/studio/approvals/{id}/evidence"


class Drift:
    """Where what agents do parts from what was approved."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def scan(self, workspace_id: UUID, *, key: str | None = None) -> ApprovalRuntimeReceipt:
        """Compare the runtime with the approval in force now, and return the receipt."""
        path = path_of(f"{_OF_WORKSPACE}/scan", id=workspace_id)
        return await self._door.post(path, ApprovalRuntimeReceipt, key=key)

    async def get(self, item_id: UUID) -> DriftAnswer:
        """Return one item as it counts now."""
        return await self._door.get(path_of(_ITEM, id=item_id), DriftAnswer)

    async def page(
        self,
        workspace_id: UUID,
        *,
        status: DriftStatus | None = None,
        cursor: str | None = None,
        limit: int = PAGE_DEFAULT,
    ) -> Page[DriftAnswer]:
        """Return one page of a workspace's items, the newest first, of one status or all."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return await self._door.page(
            path, Page[DriftAnswer], cursor=cursor, limit=limit, status=status
        )

    def every(
        self, workspace_id: UUID, *, status: DriftStatus | None = None
    ) -> AsyncIterator[DriftAnswer]:
        """Yield every item of a workspace, the newest first, of one status or all."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return self._door.every(path, Page[DriftAnswer], status=status)

    async def acknowledge(
        self, item_id: UUID, reason: str, *, key: str | None = None
    ) -> DriftAnswer:
        """Say that somebody looks after an open item."""
        path = path_of(f"{_ITEM}/acknowledge", id=item_id)
        return await self._door.post(path, DriftAnswer, DecideDrift(reason=reason), key=key)

    async def resolve(self, item_id: UUID, reason: str, *, key: str | None = None) -> DriftAnswer:
        """Say that an item is no more; the same seen later opens another."""
        path = path_of(f"{_ITEM}/resolve", id=item_id)
        return await self._door.post(path, DriftAnswer, DecideDrift(reason=reason), key=key)

    async def waive(
        self, item_id: UUID, reason: str, until: datetime, *, key: str | None = None
    ) -> DriftAnswer:
        """Let an item be until a date with a time zone, at most a year from now."""
        path = path_of(f"{_ITEM}/waive", id=item_id)
        asked = WaiveDrift(reason=reason, until=until)
        return await self._door.post(path, DriftAnswer, asked, key=key)

    async def accept(
        self, item_id: UUID, reason: str, command: Command | None = None, *, key: str | None = None
    ) -> AcceptedDrift:
        """Take an item up in the workspace's draft, by the command that it suggests or another."""
        path = path_of(f"{_ITEM}/accept", id=item_id)
        asked = AcceptDrift(reason=reason, command=command)
        return await self._door.post(path, AcceptedDrift, asked, key=key)

    def receipts(self, workspace_id: UUID) -> AsyncIterator[ApprovalRuntimeReceipt]:
        """Yield every runtime receipt of a workspace, the newest first."""
        return self._door.every(path_of(_RECEIPTS, id=workspace_id), Page[ApprovalRuntimeReceipt])

    def evidence(self, approval_id: UUID) -> AsyncIterator[EvidenceAnswer]:
        """Yield what speaks for each rule of an approval and what against it, by rule."""
        return self._door.every(path_of(_EVIDENCE, id=approval_id), Page[EvidenceAnswer])
