"""Drafts: opened, changed by commands, and looked into."""

from collections.abc import AsyncIterator, Iterable
from typing import Final
from uuid import UUID

from placet.kernel.paging import Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.abandonments.model import AbandonDraft
from placet.studio.draft_sources.model import DraftSourcesAnswer
from placet.studio.drafts.grounds.model import NameSpan
from placet.studio.drafts.history.model import BlameAnswer, CommentsAnswer
from placet.studio.drafts.lists.model import CommandAnswer, CommandSummary, DraftSummary
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    Command,
    DraftAnswer,
    OpenDraft,
)
from placet.studio.inferred_rules.model import Inferred, InferredRuleAnswer, InferRules
from placet.studio.snapshots.model import DraftReview

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

    async def command(  # noqa: PLR0913 -- what may be said of a change, each by its name
        self,
        draft_id: UUID,
        command: Command,
        *,
        version: int,
        reason: str | None = None,
        sources: Iterable[NameSpan] = (),
        key: str | None = None,
    ) -> AppliedCommand:
        """Change a draft that has this version, as `apply` does.

        `sources` are the spans of the draft's sources that the change rests on.
        """
        change = ApplyCommand(
            expected_draft_version=version,
            command=command,
            reason=reason,
            sources=tuple(sources),
        )
        return await self.apply(draft_id, change, key=key)

    async def abandon(
        self, draft_id: UUID, *, version: int, reason: str, key: str | None = None
    ) -> DraftAnswer:
        """Give up a draft that has this version; the request for it is withdrawn."""
        path = path_of(f"{_PATH}/abandon", id=draft_id)
        asked = AbandonDraft(expected_draft_version=version, reason=reason)
        return await self._door.post(path, DraftAnswer, asked, key=key)

    async def review(self, draft_id: UUID) -> DraftReview:
        """Return what a snapshot would hold now: sources, findings and judgments."""
        return await self._door.get(path_of(f"{_PATH}/review", id=draft_id), DraftReview)

    async def sources(self, draft_id: UUID) -> DraftSourcesAnswer:
        """Return the sources that a draft counts."""
        return await self._door.get(path_of(f"{_PATH}/sources", id=draft_id), DraftSourcesAnswer)

    async def infer(self, draft_id: UUID, *, version: int, key: str | None = None) -> Inferred:
        """Look at what the sources of a draft that has this version suggest; nothing is set."""
        path = path_of(f"{_PATH}/inferred-rules", id=draft_id)
        asked = InferRules(expected_draft_version=version)
        return await self._door.post(path, Inferred, asked, key=key)

    def inferred(self, draft_id: UUID) -> AsyncIterator[InferredRuleAnswer]:
        """Yield every proposal from the sources that a draft counts."""
        path = path_of(f"{_PATH}/inferred-rules", id=draft_id)
        return self._door.every(path, Page[InferredRuleAnswer])

    def every(self, workspace_id: UUID) -> AsyncIterator[DraftSummary]:
        """Yield every draft of a workspace, the oldest first."""
        path = path_of("/studio/workspaces/{id}/drafts", id=workspace_id)
        return self._door.every(path, Page[DraftSummary])

    def history(self, draft_id: UUID) -> AsyncIterator[CommandSummary]:
        """Yield every command on a draft in the order of its versions."""
        return self._door.every(path_of(f"{_PATH}/commands", id=draft_id), Page[CommandSummary])

    async def version(self, draft_id: UUID, version: int) -> CommandAnswer:
        """Return the command that made a version, with all that its chain hash covers."""
        path = path_of(f"{_PATH}/commands/{{version}}", id=draft_id, version=str(version))
        return await self._door.get(path, CommandAnswer)

    async def blame(self, draft_id: UUID) -> BlameAnswer:
        """Return who set each rule, by which command, when and why."""
        return await self._door.get(path_of(f"{_PATH}/blame", id=draft_id), BlameAnswer)

    async def comments(self, draft_id: UUID, *, place: str | None = None) -> CommentsAnswer:
        """Return what was said about a draft, or about one of its places."""
        path = path_of(f"{_PATH}/comments", id=draft_id)
        return await self._door.get(path, CommentsAnswer, place=place)
