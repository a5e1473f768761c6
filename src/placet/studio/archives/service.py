"""Archiving a workspace, with what is open in it."""

from uuid import UUID

from placet.authority.controls import store as controls
from placet.events.model import StreamId, StreamKind
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.storage.database import Writing
from placet.storage.faults import StateMovedOn
from placet.studio.abandonments.model import DraftAbandoned
from placet.studio.drafts import store as drafts
from placet.studio.requests import service as request_service
from placet.studio.requests import store as requests
from placet.studio.workspaces import rules
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import (
    ArchiveWorkspace,
    GovernanceWorkspace,
    WorkspaceArchived,
)


async def archive_workspace(
    tx: Writing, workspace_id: UUID, asked: ArchiveWorkspace, ids: Ids
) -> GovernanceWorkspace:
    """Close a workspace for good, and what is open in it; what is in force stays so.

    Refuses `workspace_not_found` and `workspace_not_active`, and conflicts when something moved at
    the same moment.
    """
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    rules.check_active(workspace)
    await _withdraw(tx, workspace, asked.reason, ids)
    said = await _abandon(tx, workspace, asked.reason)
    if not await workspace_store.advance_to_archived(tx, workspace):
        raise _moved()
    # Race: a request that was made meanwhile is seen only now, and its votes wait for this row.
    if await requests.find_open_request(tx, workspace.workspace_id) is not None:
        raise _moved()
    said.append(
        WorkspaceArchived(reason=asked.reason, active_approval_id=workspace.active_approval_id)
    )
    # Race: a standing grant of the workspace may be answering a call; whoever passes the gate later
    # sees the end.
    stream = StreamId(workspace.workspace_id)
    await controls.raise_epoch(tx, stream, StreamKind.WORKSPACE)
    await workspaces.tell(tx, workspace.workspace_id, said, ids)
    return await workspace_store.get_workspace(tx, workspace_id)


async def _withdraw(tx: Writing, workspace: GovernanceWorkspace, reason: str, ids: Ids) -> None:
    found = await requests.find_open_request(tx, workspace.workspace_id)
    if found is not None:
        await request_service.take_back(tx, found.request_id, reason, ids)


async def _abandon(tx: Writing, workspace: GovernanceWorkspace, reason: str) -> list[Value]:
    if workspace.active_draft_id is None:
        return []
    draft = await drafts.get_draft(tx, workspace.active_draft_id)
    if not await drafts.advance_to_abandoned(tx, draft):
        raise _moved()
    return [DraftAbandoned(draft_id=draft.draft_id, version=draft.current_version, reason=reason)]


def _moved() -> StateMovedOn:
    return StateMovedOn(detail="something in the workspace was changed at the same moment")
