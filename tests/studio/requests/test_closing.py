"""Requests that end without a vote: taken back, or run out."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from tests.conftest import Server
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import Signer, Story

from placet.events.model import StreamId
from placet.events.store import list_events
from placet.kernel.principal import Principal
from placet.storage.database import Writing
from placet.storage.work import CLOSE_REQUEST, take_due
from placet.studio.abandonments import service as abandonments
from placet.studio.abandonments.model import AbandonDraft
from placet.studio.approvals.model import ApprovalFlaw, ApprovalRefused
from placet.studio.archives import service as archives
from placet.studio.drafts.model import Comment
from placet.studio.requests import deadlines, service, store
from placet.studio.requests.model import (
    ApprovalRequest,
    RequestClosed,
    RequestNotFound,
    RequestStatus,
    WithdrawalNotAllowed,
    WithdrawRequest,
)
from placet.studio.votes import service as votes
from placet.studio.workspaces.model import ArchiveWorkspace
from placet.tenancy.model import Role

Pass = Callable[[ApprovalRequest], Awaitable[None]]
MISTAKE = WithdrawRequest(reason="the wrong draft")


@pytest.fixture
def let_time_pass(server: Server, database_name: str) -> Pass:
    """Let the deadline of a request lie in the past, as only time itself can."""

    async def passing(request: ApprovalRequest) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        await admin.execute(
            "UPDATE placet.studio_approval_request SET deadline = now() - interval '1 second'"
            " WHERE request_id = $1",
            request.request_id,
        )
        await admin.execute(
            "UPDATE placet.work_due SET due_at = now() - interval '1 second' WHERE ref = $1",
            request.request_id,
        )
        await admin.close()

    return passing


@pytest.fixture
async def signer(story: Story) -> Signer:
    return await story.signer()


@pytest.fixture
async def request_(story: Story, signer: Signer) -> ApprovalRequest:
    _, _, made = await story.asked(await story.workspace(signer))
    return made


async def withdraw(story: Story, request: ApprovalRequest, by: Principal) -> ApprovalRequest:
    async with story.db.writing(by) as tx:
        return await service.withdraw_request(tx, request.request_id, MISTAKE, story.ids)


async def told(story: Story, request: ApprovalRequest) -> list[str]:
    """Return the bodies of what the workspace's stream was told of ends of requests."""
    async with story.db.reading(story.founder) as tx:
        events = await list_events(tx, StreamId(request.workspace_id), after=0, limit=100)
    return [(each.body or b"").decode() for each in events if each.type == "ApprovalRequestClosed"]


async def status_of(story: Story, request: ApprovalRequest) -> RequestStatus:
    async with story.db.reading(story.founder) as tx:
        return (await store.get_request(tx, request.request_id)).status


async def test_a_request_that_was_taken_back_takes_no_vote_and_says_why(
    story: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    ballot = await story.ballot(request_, signer)
    assert (await withdraw(story, request_, story.founder)).status is RequestStatus.WITHDRAWN
    with pytest.raises(ApprovalRefused) as refused:
        await story.hand_in(request_, ballot, signer.principal)
    assert [reason.code for reason in refused.value.reasons] == [ApprovalFlaw.REQUEST_CLOSED]
    (said,) = await told(story, request_)
    assert '"withdrawn"' in said
    assert MISTAKE.reason in said
    with pytest.raises(RequestClosed) as closed:
        await withdraw(story, request_, story.founder)
    assert closed.value.request_status is RequestStatus.WITHDRAWN


async def test_only_who_asked_or_wrote_takes_a_request_back(
    story: Story, other: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    with pytest.raises(WithdrawalNotAllowed):
        await withdraw(story, request_, signer.principal)
    eve, _ = await story.workplace.person("eve", Role.ADMIN, Role.APPROVER)
    with pytest.raises(WithdrawalNotAllowed):
        await withdraw(story, request_, eve)
    with pytest.raises(RequestNotFound):
        await withdraw(story, request_, other.founder)
    assert await status_of(story, request_) is RequestStatus.OPEN


async def test_an_author_takes_back_what_somebody_else_asked_for(
    story: Story, signer: Signer
) -> None:
    workspace = await story.workspace(signer)
    draft, _, _ = await story.asked(workspace)
    await story.command(draft, Comment(text="mine too"), expected=1, by=signer.principal)
    request = await story.request(await story.snapshot(draft, expected=2))
    assert (await withdraw(story, request, signer.principal)).status is RequestStatus.WITHDRAWN


async def test_after_a_withdrawal_the_same_snapshot_can_be_asked_for_again(
    story: Story, signer: Signer
) -> None:
    _, snapshot, request = await story.asked(await story.workspace(signer))
    await withdraw(story, request, story.founder)
    again = await story.request(snapshot)
    assert (await story.vote(again, signer)).status is RequestStatus.GRANTED


async def test_a_vote_and_a_withdrawal_at_once_leave_what_came_first(
    story: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    ballot = await story.ballot(request_, signer)

    async def voting(tx: Writing) -> object:
        return await votes.cast_vote(tx, request_.request_id, ballot, story.keys, story.ids)

    async def withdrawing(tx: Writing) -> object:
        return await service.withdraw_request(tx, request_.request_id, MISTAKE, story.ids)

    _, late = await overtake(
        story.db, Side(signer.principal, voting), Side(story.founder, withdrawing)
    )
    assert isinstance(late, RequestClosed)
    assert await status_of(story, request_) is RequestStatus.GRANTED
    assert await told(story, request_) == []


async def test_what_ran_out_is_written_down_once_by_however_many_workers(
    story: Story, request_: ApprovalRequest, let_time_pass: Pass
) -> None:
    await let_time_pass(request_)
    await asyncio.gather(*(deadlines.close_overdue(story.db, story.ids) for _ in range(4)))
    assert await status_of(story, request_) is RequestStatus.EXPIRED
    (said,) = await told(story, request_)
    assert '"expired"' in said
    assert await due(story, request_) == []


async def test_a_request_that_was_closed_before_its_deadline_is_not_closed_again(
    story: Story, request_: ApprovalRequest, let_time_pass: Pass
) -> None:
    await withdraw(story, request_, story.founder)
    await let_time_pass(request_)
    await deadlines.close_overdue(story.db, story.ids)
    assert await status_of(story, request_) is RequestStatus.WITHDRAWN
    assert len(await told(story, request_)) == 1
    assert await due(story, request_) == []


async def test_a_request_that_still_runs_is_left_open_and_looked_at_again(
    story: Story, request_: ApprovalRequest
) -> None:
    async with story.db.writing(story.founder) as tx:
        assert await service.expire_request(tx, request_.request_id, story.ids) == request_.deadline
    assert await status_of(story, request_) is RequestStatus.OPEN


async def test_two_workers_with_the_same_work_close_it_once(
    story: Story, request_: ApprovalRequest, let_time_pass: Pass
) -> None:
    await let_time_pass(request_)

    async def expiring(tx: Writing) -> object:
        return await service.expire_request(tx, request_.request_id, story.ids)

    await overtake(story.db, Side(story.founder, expiring), Side(story.founder, expiring))
    assert len(await told(story, request_)) == 1


async def due(story: Story, request: ApprovalRequest) -> list[object]:
    """Return what is due for a request."""
    taken = await take_due(story.db, CLOSE_REQUEST, limit=1000, lease_seconds=0)
    return [work for work in taken if work.ref == request.request_id]


@pytest.mark.parametrize("is_archived", [True, False])
async def test_what_had_run_out_is_not_called_withdrawn_when_its_draft_or_workspace_ends(
    story: Story, let_time_pass: Pass, *, is_archived: bool
) -> None:
    workspace = await story.workspace(await story.signer("dee"), agent="elsewhere")
    draft, _, request = await story.asked(workspace)
    await let_time_pass(request)
    async with story.db.writing(story.founder) as tx:
        if is_archived:
            asked = ArchiveWorkspace(reason="retired")
            await archives.archive_workspace(tx, workspace.workspace_id, asked, story.ids)
        else:
            given_up = AbandonDraft(expected_draft_version=1, reason="retired")
            await abandonments.abandon_draft(tx, draft.draft_id, given_up, story.ids)
    async with story.db.reading(story.founder) as tx:
        assert (await store.get_request(tx, request.request_id)).status is RequestStatus.EXPIRED
