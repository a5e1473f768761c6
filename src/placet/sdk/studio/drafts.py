"""Drafts: opened, changed by commands, and looked into."""

from typing import Final
from uuid import UUID

from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.drafts.history.model import BlameAnswer, CommentsAnswer
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    Command,
    DraftAnswer,
    OpenDraft,
)

_PATH: Final = "/studio/drafts/{id}"


class Drafts:
    """Contracts under work, changed only by commands."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def open(
        self,
        workspace_id: UUID,
        *,
        parent_draft_id: UUID | None = None,
        from_approval_id: UUID | None = None,
        key: str | None = None,
    ) -> DraftAnswer:
        """Open a draft: empty, or with what a parent holds or an approval approved."""
        path = path_of("/studio/workspaces/{id}/drafts", id=workspace_id)
        asked = OpenDraft(parent_draft_id=parent_draft_id, from_approval_id=from_approval_id)
        return await self._door.post(path, DraftAnswer, asked, key=key)

    async def get(self, draft_id: UUID) -> DraftAnswer:
        """Return one draft with the contract as it stands."""
        return await self._door.get(path_of(_PATH, id=draft_id), DraftAnswer)

    async def apply(
        self, draft_id: UUID, change: ApplyCommand, *, key: str | None = None
    ) -> AppliedCommand:
        """Change a draft by one command on its expected version.

        Raises `DraftVersionConflict` with the current version where it has moved on.
        """
        path = path_of(f"{_PATH}/commands", id=draft_id)
        return await self._door.post(path, AppliedCommand, change, key=key)

    async def command(
        self,
        draft_id: UUID,
        command: Command,
        *,
        version: int,
        reason: str | None = None,
        key: str | None = None,
    ) -> AppliedCommand:
        """Change a draft that has this version, as `apply` does."""
        change = ApplyCommand(expected_draft_version=version, command=command, reason=reason)
        return await self.apply(draft_id, change, key=key)

    async def blame(self, draft_id: UUID) -> BlameAnswer:
        """Return who set each rule, by which command, when and why."""
        return await self._door.get(path_of(f"{_PATH}/blame", id=draft_id), BlameAnswer)

    async def comments(self, draft_id: UUID, *, place: str | None = None) -> CommentsAnswer:
        """Return what was said about a draft, or about one of its places."""
        path = path_of(f"{_PATH}/comments", id=draft_id)
        return await self._door.get(path, CommentsAnswer, place=place)
