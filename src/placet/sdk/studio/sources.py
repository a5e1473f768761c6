"""Sources."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.sources.model import AddSource, SourceAnswer, SourceSummary

_PATH: Final = "/studio/sources"
_OF_WORKSPACE: Final = "/studio/workspaces/{id}/sources"


class Sources:
    """The material that rules stem from, without its secrets."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def add(
        self, workspace_id: UUID, source: AddSource, *, key: str | None = None
    ) -> SourceSummary:
        """Add material to a workspace; the same material again is the same source."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return await self._door.post(path, SourceSummary, source, key=key)

    async def get(self, source_id: UUID) -> SourceAnswer:
        """Return one source with what was redacted and its parts, without content."""
        return await self._door.get(path_of(f"{_PATH}/{{id}}", id=source_id), SourceAnswer)

    async def content(self, source_id: UUID) -> bytes:
        """Return the stored content: UTF-8 text, redacted; empty if it was quarantined."""
        return await self._door.get_bytes(path_of(f"{_PATH}/{{id}}/content", id=source_id))

    async def page(
        self, workspace_id: UUID, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[SourceSummary]:
        """Return one page of a workspace's sources in the order of their adding."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return await self._door.page(path, Page[SourceSummary], cursor=cursor, limit=limit)

    def every(self, workspace_id: UUID) -> AsyncIterator[SourceSummary]:
        """Yield every source of a workspace."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return self._door.every(path, Page[SourceSummary])
