"""Views of a workspace: what people look at."""

from typing import Final
from urllib.parse import quote
from uuid import UUID

from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.views.atlas.model import Atlas
from placet.studio.views.conformance.model import Conformance
from placet.studio.views.control.model import DAYS_DEFAULT, ControlPath
from placet.studio.views.focus.model import Focus
from placet.studio.views.model import ViewOf
from placet.studio.views.preview.model import ApprovalPreview

_OF_WORKSPACE: Final = "/studio/workspaces/{id}"


class Views:
    """What people look at; nothing here changes anything."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def atlas(self, workspace_id: UUID, *, of: ViewOf | None = None) -> Atlas:
        """Return a workspace on one page: what is in force, or what is under review."""
        return await self._door.get(
            path_of(f"{_OF_WORKSPACE}/atlas", id=workspace_id), Atlas, of=of
        )

    async def control(
        self,
        workspace_id: UUID,
        tool: str,
        *,
        of: ViewOf | None = None,
        days: int = DAYS_DEFAULT,
    ) -> ControlPath:
        """Return the path of one tool's calls, with those of the last `days` over it.

        Raises `ContractNotShown` and `ToolNotShown`.
        """
        place = path_of(f"{_OF_WORKSPACE}/control", id=workspace_id)
        path = f"{place}/{quote(tool, safe='')}"
        return await self._door.get(path, ControlPath, of=of, days=days)

    async def judgment(
        self, workspace_id: UUID, judgment_id: str, *, of: ViewOf | None = None
    ) -> Focus:
        """Return one judgment with what each answer would lead to: of the draft's snapshot."""
        path = path_of(
            f"{_OF_WORKSPACE}/focus/judgments/{{judgment}}", id=workspace_id, judgment=judgment_id
        )
        return await self._door.get(path, Focus, of=of)

    async def drift(self, workspace_id: UUID, item_id: UUID) -> Focus:
        """Return one drift item with what each answer would lead to."""
        path = path_of(f"{_OF_WORKSPACE}/focus/drift/{{item}}", id=workspace_id, item=item_id)
        return await self._door.get(path, Focus)

    async def preview(self, request_id: UUID) -> ApprovalPreview:
        """Return what an approval would change, and whose votes are missing."""
        path = path_of("/studio/approval-requests/{id}/preview", id=request_id)
        return await self._door.get(path, ApprovalPreview)

    async def conformance(self, workspace_id: UUID) -> Conformance:
        """Return whether the runtime keeps to the approval in force, as far as anybody looked."""
        path = path_of(f"{_OF_WORKSPACE}/conformance", id=workspace_id)
        return await self._door.get(path, Conformance)
