"""Approvals, what they compiled to, and what proves both."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from placet.evidence.dsse import Envelope
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.sdk.studio.keys import Keys
from placet.sdk.studio.people import People
from placet.sdk.studio.requests import Requests
from placet.sdk.studio.snapshots import Snapshots
from placet.studio.dossiers.rules import approval_dossier, artifact_dossier
from placet.studio.endings.model import (
    ApprovalShown,
    ApprovalSummary,
    RevocationAnswer,
    RevokeApproval,
)

_ONE: Final = "/studio/approvals/{id}"
_OF_WORKSPACE: Final = "/studio/workspaces/{id}/approvals"


class Approvals:
    """What was assented to, with the votes and keys that prove it."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def get(self, approval_id: UUID) -> ApprovalShown:
        """Return one approval with its proof, and what it counts for now."""
        return await self._door.get(path_of(_ONE, id=approval_id), ApprovalShown)

    async def page(
        self, workspace_id: UUID, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[ApprovalSummary]:
        """Return one page of a workspace's approvals, the newest first."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return await self._door.page(path, Page[ApprovalSummary], cursor=cursor, limit=limit)

    def every(self, workspace_id: UUID) -> AsyncIterator[ApprovalSummary]:
        """Yield every approval of a workspace, the newest first."""
        return self._door.every(path_of(_OF_WORKSPACE, id=workspace_id), Page[ApprovalSummary])

    async def revoke(
        self, approval_id: UUID, reason: str, *, key: str | None = None
    ) -> RevocationAnswer:
        """Revoke an approval: after this nothing is granted or started under it, anywhere."""
        path = path_of(f"{_ONE}/revoke", id=approval_id)
        return await self._door.post(path, RevocationAnswer, RevokeApproval(reason=reason), key=key)

    async def artifact(self, compiled_hash: str, approval_id: UUID | None = None) -> Envelope:
        """Return a compiled artifact in its envelope, whose signature is still to be checked.

        Several approvals may have one hash, after a promotion or a rollback. Name the one that the
        plan names; without it this is the newest that is not revoked.
        """
        path = path_of("/authority/artifacts/{hash}", hash=compiled_hash)
        approval = None if approval_id is None else str(approval_id)
        return await self._door.get(path, Envelope, approval_id=approval)

    async def approved_artifact(self, approval_id: UUID) -> Envelope:
        """Return what one approval compiled to, in the envelope that names this approval."""
        return await self._door.get(path_of(f"{_ONE}/artifact", id=approval_id), Envelope)

    async def export(self, approval_id: UUID) -> bytes:
        """Return the dossier of an approval: everything that proves it, still to be verified.

        Verify it with `placet.evidence.verify` and keys that were pinned.
        """
        approval = await self.get(approval_id)
        return approval_dossier(
            approval,
            await Snapshots(self._door).get(approval.draft_snapshot_id),
            await Requests(self._door).get(approval.request_id),
            await self.approved_artifact(approval_id),
            await Keys(self._door).known(),
        )

    async def export_artifact(self, compiled_hash: str) -> bytes:
        """Return the dossier of an artifact, still to be verified."""
        me = await People(self._door).me()
        known = await Keys(self._door).known()
        return artifact_dossier(me.tenant_id, await self.artifact(compiled_hash), known)
