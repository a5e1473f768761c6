"""Workspaces."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.workspaces.model import (
    ApproverShown,
    ArchiveWorkspace,
    CreateWorkspace,
    GovernanceWorkspace,
)

_PATH: Final = "/studio/workspaces"


class Workspaces:
    """The governance of one agent in one environment each."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def create(
        self, workspace: CreateWorkspace, *, key: str | None = None
    ) -> GovernanceWorkspace:
        """Open a workspace with its first approvers; needs an admin's key."""
        return await self._door.post(_PATH, GovernanceWorkspace, workspace, key=key)

    async def get(self, workspace_id: UUID) -> GovernanceWorkspace:
        """Return one workspace and what it points at."""
        return await self._door.get(
            path_of(f"{_PATH}/{{id}}", id=workspace_id), GovernanceWorkspace
        )

    async def archive(
        self, workspace_id: UUID, reason: str, *, key: str | None = None
    ) -> GovernanceWorkspace:
        """Close a workspace for good; needs an operator's or an admin's key."""
        path = path_of(f"{_PATH}/{{id}}/archive", id=workspace_id)
        asked = ArchiveWorkspace(reason=reason)
        return await self._door.post(path, GovernanceWorkspace, asked, key=key)

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[GovernanceWorkspace]:
        """Return one page of the tenant's workspaces in the order of their making."""
        return await self._door.page(_PATH, Page[GovernanceWorkspace], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[GovernanceWorkspace]:
        """Yield every workspace of the tenant."""
        return self._door.every(_PATH, Page[GovernanceWorkspace])

    def approvers(self, workspace_id: UUID) -> AsyncIterator[ApproverShown]:
        """Yield everybody who is or was an approver of a workspace, with their keys and groups."""
        path = path_of(f"{_PATH}/{{id}}/approvers", id=workspace_id)
        return self._door.every(path, Page[ApproverShown])
