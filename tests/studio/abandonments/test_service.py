"""A draft that is given up, and what hangs on it."""

import pytest
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import Signer, Story, contract, importing

from placet.events.model import StreamId
from placet.events.store import list_events
from placet.storage.database import Writing
from placet.storage.faults import StateMovedOn
from placet.studio.abandonments import service
from placet.studio.abandonments.model import AbandonDraft
from placet.studio.approvals.model import ApprovalRefused
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import (
    BusinessDraft,
    Comment,
    DraftClosed,
    DraftNotFound,
    DraftStatus,
    DraftVersionConflict,
)
from placet.studio.requests import service as requests
from placet.studio.requests import store as request_store
from placet.studio.requests.model import ApprovalRequest, RequestApproval, RequestStatus
from placet.studio.votes import service as votes
from placet.studio.votes.model import VoteAnswer
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import GovernanceWorkspace


def abandoning(story: Story, draft: BusinessDraft, expected: int = 1) -> Side:
    asked = AbandonDraft(expected_draft_version=expected, reason="the desk is closed")

    async def work(tx: Writing) -> BusinessDraft:
        return await service.abandon_draft(tx, draft.draft_id, asked, story.ids)

    return Side(story.founder, work)


async def abandon(story: Story, draft: BusinessDraft, expected: int = 1) -> object:
    side = abandoning(story, draft, expected)
    async with story.db.writing(side.principal) as tx:
        return await side.work(tx)


async def voting(story: Story, request: ApprovalRequest, signer: Signer) -> Side:
    ballot = await story.ballot(request, signer)

    async def work(tx: Writing) -> VoteAnswer:
        return await votes.cast_vote(tx, request.request_id, ballot, story.keys, story.ids)

    return Side(signer.principal, work)


async def status_of(story: Story, request: ApprovalRequest) -> RequestStatus:
    async with story.db.reading(story.founder) as tx:
        return (await request_store.get_request(tx, request.request_id)).status


async def now(story: Story, draft: BusinessDraft) -> tuple[BusinessDraft, GovernanceWorkspace]:
    async with story.db.reading(story.founder) as tx:
        return (
            await drafts.get_draft(tx, draft.draft_id),
            await workspaces.get_workspace(tx, draft.workspace_id),
        )


async def test_an_abandoned_draft_takes_its_request_along_and_leaves_room_for_another(
    story: Story,
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    draft, _, request = await story.asked(workspace)
    await abandon(story, draft)
    gone, left = await now(story, draft)
    assert gone.status is DraftStatus.ABANDONED
    assert (left.active_draft_id, left.active_draft_snapshot_id) == (None, None)
    assert await status_of(story, request) is RequestStatus.WITHDRAWN
    with pytest.raises(ApprovalRefused):
        await story.vote(request, signer)
    with pytest.raises(DraftClosed):
        await story.command(draft, Comment(text="still?"), expected=1)
    child = await story.draft(workspace, parent=draft.draft_id)
    assert child.contract_json == gone.contract_json
    async with story.db.reading(story.founder) as tx:
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=50)
    said = {event.type: (event.body or b"").decode() for event in events}
    assert "the desk is closed" in said["DraftAbandoned"]
    assert "the desk is closed" in said["ApprovalRequestClosed"]


async def test_a_draft_that_moved_on_is_closed_or_is_not_there_is_not_abandoned(
    story: Story, other: Story
) -> None:
    draft = await story.draft(await story.workspace())
    await story.command(draft, importing(contract()))
    with pytest.raises(DraftVersionConflict):
        await abandon(story, draft, 0)
    with pytest.raises(DraftNotFound):
        await abandon(other, draft)
    await abandon(story, draft)
    with pytest.raises(DraftClosed):
        await abandon(story, draft)


async def test_what_is_in_force_stays_in_force(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, _, request = await story.asked(workspace)
    granted = await story.vote(request, signer)
    draft = await story.draft(workspace)
    await abandon(story, draft, 0)
    assert (await now(story, draft))[1].active_approval_id == granted.approval_id


async def test_a_vote_behind_an_abandoning_finds_its_request_closed(story: Story) -> None:
    signer = await story.signer()
    draft, _, request = await story.asked(await story.workspace(signer))
    _, lost = await overtake(
        story.db, abandoning(story, draft), await voting(story, request, signer)
    )
    assert isinstance(lost, ApprovalRefused)
    assert (await now(story, draft))[1].active_approval_id is None


async def test_an_abandoning_behind_a_granting_vote_finds_the_draft_approved(
    story: Story,
) -> None:
    signer = await story.signer()
    draft, _, request = await story.asked(await story.workspace(signer))
    won, lost = await overtake(
        story.db, await voting(story, request, signer), abandoning(story, draft)
    )
    assert isinstance(won, VoteAnswer)
    assert isinstance(lost, DraftClosed | StateMovedOn)
    assert (await now(story, draft))[0].status is DraftStatus.APPROVED
    assert await status_of(story, request) is RequestStatus.GRANTED


@pytest.mark.parametrize("is_first", [True, False])
async def test_no_request_for_an_abandoned_draft_stays_open(
    story: Story, *, is_first: bool
) -> None:
    draft = await story.draft(await story.workspace(await story.signer()))
    await story.command(draft, importing(contract()))
    snapshot = await story.snapshot(draft)

    async def work(tx: Writing) -> ApprovalRequest:
        asked = RequestApproval(snapshot_id=snapshot.snapshot_id)
        return await requests.request_approval(tx, asked, story.ids)

    sides = [Side(story.founder, work), abandoning(story, draft)]
    if not is_first:
        sides.reverse()
    await overtake(story.db, sides[0], sides[1])
    async with story.db.reading(story.founder) as tx:
        still_open = await request_store.find_open_request(tx, draft.workspace_id)
    is_abandoned = (await now(story, draft))[0].status is DraftStatus.ABANDONED
    assert is_abandoned is (still_open is None)
    assert is_abandoned is not is_first
