"""An archived workspace: nothing more is written in it, and what it has in force goes on."""

from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa
from tests.invariants.overtaking import Side, overtake
from tests.studio.enrolments import people
from tests.studio.story import AGENT, Signer, Story, contract, importing

from placet.authority import service as authority
from placet.authority.model import RevokeKey
from placet.events.model import StreamId
from placet.events.store import list_events
from placet.kernel.principal import Environment
from placet.plans import service as plans
from placet.plans.model import Enforcement, Unplanned
from placet.storage.database import Reading, Writing
from placet.storage.faults import StateMovedOn
from placet.studio.approvals.model import ApprovalFlaw, ApprovalRefused
from placet.studio.archives import service
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import DraftClosed, DraftStatus
from placet.studio.enrolments import service as enrolments
from placet.studio.enrolments.model import RemoveApprover
from placet.studio.requests import service as requests
from placet.studio.requests import store as request_store
from placet.studio.requests.model import RequestApproval, RequestStatus
from placet.studio.sources import service as sources
from placet.studio.sources.model import AddSource, Provenance, SourceKind, SourceMedia
from placet.studio.votes import service as votes
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store
from placet.studio.workspaces.model import (
    ArchiveWorkspace,
    CreateWorkspace,
    GovernanceWorkspace,
    WorkspaceExists,
    WorkspaceNotActive,
    WorkspaceNotFound,
    WorkspaceStatus,
)
from placet.studio.workspaces.tables import WORKSPACE

DONE = ArchiveWorkspace(reason="the agent is retired")
Race = Callable[[Story, GovernanceWorkspace], Awaitable[None]]


@pytest.fixture
async def ada(story: Story) -> Signer:
    return await story.signer("ada")


@pytest.fixture
async def workspace(story: Story, ada: Signer) -> GovernanceWorkspace:
    return await story.workspace(ada, environment=Environment.DEVELOPMENT)


async def archive(story: Story, workspace: GovernanceWorkspace) -> GovernanceWorkspace:
    async with story.db.writing(story.founder) as tx:
        return await service.archive_workspace(tx, workspace.workspace_id, DONE, story.ids)


def archiving(story: Story, workspace: GovernanceWorkspace) -> Side:
    async def work(tx: Writing) -> object:
        return await service.archive_workspace(tx, workspace.workspace_id, DONE, story.ids)

    return Side(story.founder, work)


async def test_archiving_withdraws_the_request_and_abandons_the_draft(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    draft, _, request = await story.asked(workspace)
    ballot = await story.ballot(request, ada)
    archived = await archive(story, workspace)
    assert (archived.status, archived.active_draft_id) == (WorkspaceStatus.ARCHIVED, None)
    async with story.db.reading(story.founder) as tx:
        closed = await request_store.get_request(tx, request.request_id)
        left = await drafts.get_draft(tx, draft.draft_id)
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=100)
    assert (closed.status, left.status) == (RequestStatus.WITHDRAWN, DraftStatus.ABANDONED)
    assert [event.type for event in events][-3:] == [
        "ApprovalRequestClosed",
        "DraftAbandoned",
        "WorkspaceArchived",
    ]
    with pytest.raises(ApprovalRefused) as refused:
        await story.hand_in(request, ballot, ada.principal)
    assert ApprovalFlaw.WORKSPACE_NOT_ACTIVE in {each.code for each in refused.value.reasons}


async def test_nothing_is_written_in_an_archived_workspace(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    draft, _, _ = await story.asked(workspace)
    wish = await people.asked(story, workspace.workspace_id, await story.signer("cy"))
    await archive(story, workspace)
    with pytest.raises(WorkspaceNotActive):
        await story.draft(workspace)
    with pytest.raises(DraftClosed):
        await story.command(draft, importing(contract()), expected=1)
    with pytest.raises(DraftClosed):
        await story.snapshot(draft)
    with pytest.raises(WorkspaceNotActive):
        await story.source(workspace)
    with pytest.raises(WorkspaceNotActive):
        await people.asked(story, workspace.workspace_id, await story.signer("dee"))
    with pytest.raises(WorkspaceNotActive):
        await people.hand_in(story, wish, people.word(wish, ada), ada.principal)
    with pytest.raises(WorkspaceNotActive):
        await archive(story, workspace)


async def test_what_is_in_force_goes_on_and_rights_can_still_be_taken_away(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    _, _, request = await story.asked(workspace)
    granted = await story.vote(request, ada)
    archived = await archive(story, workspace)
    assert archived.active_approval_id == granted.approval_id
    async with story.db.reading(story.founder) as tx:
        plan = await plans.find_plan(tx, AGENT, Environment.DEVELOPMENT)
    assert plan is not None
    assert plan.approval_id == granted.approval_id
    async with story.db.writing(story.founder) as tx:
        gone = RemoveApprover(reason="left")
        await enrolments.remove_approver(
            tx, workspace.workspace_id, ada.principal.actor_id, gone, story.ids, is_admin=True
        )
        lost = RevokeKey(reason="lost")
        await authority.revoke_key(tx, ada.key.key_id, lost, story.ids, is_admin=True)


async def test_after_an_archiving_another_workspace_takes_the_plan_with_its_posture(
    story: Story, ada: Signer
) -> None:
    first = await story.workspace(ada)
    _, _, request = await story.asked(first)
    granted = await story.vote(request, ada)
    await archive(story, first)
    asked = CreateWorkspace(
        agent=AGENT,
        environment=Environment.STAGING,
        enforcement=Enforcement.BLOCK,
        unplanned=Unplanned.CAPTURE,
        approvers=(ada.enrolment(succeeds=first.workspace_id),),
    )
    async with story.db.writing(story.founder) as tx:
        second = await workspaces.create_workspace(tx, asked, story.ids)
    async with story.db.reading(story.founder) as tx:
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
        active = await store.find_workspace_of(tx, AGENT, Environment.STAGING)
        events = await list_events(tx, StreamId(second.workspace_id), after=0, limit=100)
    assert active == second
    assert plan is not None
    assert (plan.approval_id, plan.version) == (granted.approval_id, 3)
    assert (plan.enforcement, plan.unplanned) == (Enforcement.BLOCK, Unplanned.CAPTURE)
    assert [event.type for event in events] == ["WorkspaceCreated", "PlanPostureChanged"]
    _, _, again = await story.asked(second)
    newer = await story.vote(again, ada)
    async with story.db.reading(story.founder) as tx:
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
    assert plan is not None
    assert plan.approval_id == newer.approval_id


async def test_of_two_workspaces_that_follow_an_archived_one_at_once_one_is_made(
    story: Story, workspace: GovernanceWorkspace
) -> None:
    await archive(story, workspace)
    asked = CreateWorkspace(agent=AGENT, environment=Environment.DEVELOPMENT)

    async def creating(tx: Writing) -> object:
        return await workspaces.create_workspace(tx, asked, story.ids)

    side = Side(story.founder, creating)
    made, late = await overtake(story.db, side, side)
    assert isinstance(made, GovernanceWorkspace)
    assert isinstance(late, WorkspaceExists)
    assert late.workspace_id == made.workspace_id


async def test_a_workspace_that_was_made_and_archived_meanwhile_is_not_passed_over(
    story: Story,
) -> None:
    asked = CreateWorkspace(agent=AGENT, environment=Environment.STAGING)

    async def creating(tx: Writing) -> object:
        return await workspaces.create_workspace(tx, asked, story.ids)

    async def passing(tx: Writing) -> object:
        made = await workspaces.create_workspace(tx, asked, story.ids)
        return await service.archive_workspace(tx, made.workspace_id, DONE, story.ids)

    gone, late = await overtake(
        story.db, Side(story.founder, passing), Side(story.founder, creating)
    )
    assert isinstance(gone, GovernanceWorkspace)
    assert isinstance(late, StateMovedOn)
    assert (await story.workspace()).succeeds == gone.workspace_id


async def test_a_workspace_without_approvers_is_followed_by_one_that_has_some(
    story: Story, ada: Signer
) -> None:
    first = await story.workspace()
    await archive(story, first)
    second = await story.workspace(ada, succeeds=first.workspace_id)
    _, _, request = await story.asked(second)
    assert (await story.vote(request, ada)).approval_id is not None


async def test_another_tenants_workspace_is_as_none(
    other: Story, workspace: GovernanceWorkspace
) -> None:
    with pytest.raises(WorkspaceNotFound):
        await archive(other, workspace)


async def source_while_archiving(story: Story, workspace: GovernanceWorkspace) -> None:
    """A source comes while the archiving is done and not committed."""
    asked = AddSource(
        kind=SourceKind.MANUAL_NOTE,
        title="Refunds",
        media_type=SourceMedia.TEXT,
        content="Refund within 30 days.",
        provenance=Provenance(origin="the refund team"),
    )
    material = await sources.examine(asked)

    async def adding(tx: Writing) -> object:
        return await sources.add_source(tx, workspace.workspace_id, material, story.ids)

    archived, late = await overtake(
        story.db, archiving(story, workspace), Side(story.founder, adding)
    )
    assert isinstance(archived, GovernanceWorkspace)
    assert isinstance(late, WorkspaceNotActive)


async def request_while_archiving(story: Story, workspace: GovernanceWorkspace) -> None:
    """A request is made, and not committed, while the workspace is archived."""
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()))
    snapshot = await story.snapshot(draft)
    asked = RequestApproval(snapshot_id=snapshot.snapshot_id)

    async def requesting(tx: Writing) -> object:
        return await requests.request_approval(tx, asked, story.ids)

    _, late = await overtake(story.db, Side(story.founder, requesting), archiving(story, workspace))
    assert isinstance(late, StateMovedOn)
    async with story.db.reading(story.founder) as tx:
        assert (
            await store.get_workspace(tx, workspace.workspace_id)
        ).status is WorkspaceStatus.ACTIVE
    assert (await archive(story, workspace)).status is WorkspaceStatus.ARCHIVED


@pytest.mark.parametrize("race", [source_while_archiving, request_while_archiving])
async def test_what_comes_with_the_archiving_is_refused_or_stops_it(
    story: Story, workspace: GovernanceWorkspace, race: Race
) -> None:
    await race(story, workspace)


@pytest.mark.parametrize("race", [source_while_archiving, request_while_archiving])
async def test_without_the_held_row_something_is_written_in_an_archived_workspace(
    story: Story,
    workspace: GovernanceWorkspace,
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unheld(tx: Reading, workspace_id: object) -> sa.Select[tuple[object, ...]]:
        return sa.select(WORKSPACE.c.status).where(
            WORKSPACE.c.tenant_id == tx.tenant_id, WORKSPACE.c.workspace_id == workspace_id
        )

    monkeypatch.setattr(store, "hold_statement", unheld)
    with pytest.raises(AssertionError):
        await race(story, workspace)


async def test_a_vote_and_an_archiving_at_once_end_in_one_order(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    _, _, request = await story.asked(workspace)
    ballot = await story.ballot(request, ada)

    async def voting(tx: Writing) -> object:
        return await votes.cast_vote(tx, request.request_id, ballot, story.keys, story.ids)

    _, late = await overtake(story.db, Side(ada.principal, voting), archiving(story, workspace))
    assert isinstance(late, StateMovedOn)
    assert (await archive(story, workspace)).active_approval_id is not None
