"""Giving a draft up, with what hangs on it."""

from uuid import UUID

from msgspec.structs import replace

from placet.kernel.ids import Ids
from placet.storage.database import Writing
from placet.storage.faults import StateMovedOn
from placet.studio.abandonments.model import AbandonDraft, DraftAbandoned
from placet.studio.drafts import service as draft_service
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import BusinessDraft, DraftStatus
from placet.studio.requests import service as request_service
from placet.studio.requests import store as requests
from placet.studio.requests.model import ApprovalRequest
from placet.studio.snapshots import store as snapshots
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store


async def abandon_draft(
    tx: Writing, draft_id: UUID, asked: AbandonDraft, ids: Ids
) -> BusinessDraft:
    """Give an open draft up, and withdraw the request for it.

    Refuses `draft_not_found`, `draft_closed` and `draft_version_conflict`, and conflicts when
    something else moved at the same moment.
    """
    draft = await drafts.get_draft(tx, draft_id)
    draft_service.check_expected(draft, asked.expected_draft_version)
    workspace = await workspace_store.get_workspace(tx, draft.workspace_id)
    await _withdraw(tx, draft, asked.reason, ids)
    if not await drafts.advance_to_abandoned(tx, draft):
        raise await draft_service.came_late(tx, draft_id)
    if not await workspace_store.advance_draft(tx, workspace, None):
        raise _moved()
    # Race: a request that was made meanwhile held the workspace's row until it was there to see.
    if await _find_request(tx, draft) is not None:
        raise _moved()
    said = DraftAbandoned(
        draft_id=draft.draft_id, version=draft.current_version, reason=asked.reason
    )
    await workspaces.tell(tx, draft.workspace_id, [said], ids)
    return replace(draft, status=DraftStatus.ABANDONED)


async def _withdraw(tx: Writing, draft: BusinessDraft, reason: str, ids: Ids) -> None:
    found = await _find_request(tx, draft)
    if found is not None:
        await request_service.take_back(tx, found.request_id, reason, ids)


async def _find_request(tx: Writing, draft: BusinessDraft) -> ApprovalRequest | None:
    request = await requests.find_open_request(tx, draft.workspace_id)
    if request is None:
        return None
    snapshot = await snapshots.get_snapshot(tx, request.snapshot_id)
    return request if snapshot.draft_id == draft.draft_id else None


def _moved() -> StateMovedOn:
    return StateMovedOn(detail="something in the workspace was changed at the same moment")
