"""Races on the way from a draft to an approval, each in a forced order with real commits.

Every race is run a second time with its guard taken out of the statement that writes; the same
assertions must then fail.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.conftest import Workplace
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import AGENT, Signer, Story, contract, importing

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.plans import service as plans
from placet.plans.model import PlanStatus
from placet.storage.database import Database, Writing, fields_of
from placet.studio.approvals.model import ApprovalFlaw, ApprovalRefused
from placet.studio.approvals.tables import APPROVAL
from placet.studio.drafts import service as drafts
from placet.studio.drafts import store as draft_store
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    BusinessCommand,
    BusinessDraft,
    Comment,
    DraftAlreadyOpen,
    DraftClosed,
    DraftStatus,
    DraftVersionConflict,
    OpenDraft,
)
from placet.studio.drafts.tables import COMMAND, DRAFT
from placet.studio.origins import service as origins
from placet.studio.requests import store as request_store
from placet.studio.requests.model import ApprovalRequest, RequestStatus
from placet.studio.requests.tables import REQUEST
from placet.studio.votes import service as votes
from placet.studio.votes.model import CastVote, VoteAnswer
from placet.studio.votes.tables import VOTE
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import (
    ApprovalPolicy,
    CreateWorkspace,
    GovernanceWorkspace,
    WorkspaceExists,
)
from placet.studio.workspaces.tables import WORKSPACE

Race = Callable[[Story], Awaitable[None]]


@pytest.fixture
async def story(db: Database, ids: Ids, workplace: Workplace) -> Story:
    return Story(db, ids, workplace, ServerKeys.generate())


def commenting(story: Story, draft: BusinessDraft, expected: int) -> Side:
    asked = ApplyCommand(expected_draft_version=expected, command=Comment(text="why?"))

    async def work(tx: Writing) -> object:
        return await origins.apply_command(tx, draft.draft_id, asked, "key", story.ids)

    return Side(story.founder, work)


def voting(story: Story, request: ApprovalRequest, signer: Signer, ballot: CastVote) -> Side:
    async def work(tx: Writing) -> object:
        return await votes.cast_vote(tx, request.request_id, ballot, story.keys, story.ids)

    return Side(signer.principal, work)


def creating(story: Story) -> Side:
    asked = CreateWorkspace(agent=AGENT, environment=Environment.STAGING)

    async def work(tx: Writing) -> object:
        return await workspaces.create_workspace(tx, asked, story.ids)

    return Side(story.founder, work)


def opening(story: Story, workspace: GovernanceWorkspace) -> Side:
    async def work(tx: Writing) -> object:
        return await drafts.open_draft(tx, workspace.workspace_id, OpenDraft(), story.ids)

    return Side(story.founder, work)


async def count(story: Story, table: sa.Table) -> int:
    async with story.db.reading(story.founder) as tx:
        query = sa.select(sa.func.count()).where(table.c.tenant_id == story.founder.tenant_id)
        ((found,),) = await tx.rows(query.select_from(table))
    return int(found)


async def two_commands_on_one_version(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    won, lost = await overtake(story.db, commenting(story, draft, 0), commenting(story, draft, 0))
    assert isinstance(won, AppliedCommand)
    assert isinstance(lost, DraftVersionConflict)
    assert lost.current_version == 1
    await story.command(draft, Comment(text="next"), expected=1)
    async with story.db.reading(story.founder) as tx:
        kept = await draft_store.list_commands(tx, draft.draft_id, after=0, limit=10)
    assert [command.version for command in kept] == [1, 2]


async def an_edit_before_an_approval(story: Story) -> None:
    signer = await story.signer()
    draft, _, request = await story.asked(await story.workspace(signer))
    ballot = await story.ballot(request, signer)
    edited, approved = await overtake(
        story.db, commenting(story, draft, 1), voting(story, request, signer, ballot)
    )
    assert isinstance(edited, AppliedCommand)
    assert isinstance(approved, ApprovalRefused)
    assert ApprovalFlaw.VERSION_MOVED in {reason.code for reason in approved.reasons}
    assert (await count(story, VOTE), await count(story, APPROVAL)) == (0, 0)
    async with story.db.reading(story.founder) as tx:
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
    assert plan is not None
    assert plan.status is PlanStatus.LEARNING


async def an_approval_before_an_edit(story: Story) -> None:
    signer = await story.signer()
    draft, _, request = await story.asked(await story.workspace(signer))
    ballot = await story.ballot(request, signer)
    approved, edited = await overtake(
        story.db, voting(story, request, signer, ballot), commenting(story, draft, 1)
    )
    assert isinstance(approved, VoteAnswer)
    assert approved.status is RequestStatus.GRANTED
    assert isinstance(edited, DraftClosed)
    assert edited.draft_status is DraftStatus.APPROVED
    assert await count(story, COMMAND) == 1


async def two_votes_that_meet_a_quorum_of_two(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada, ben, policy=ApprovalPolicy(quorum=2))
    _, _, request = await story.asked(workspace)
    first = voting(story, request, ada, await story.ballot(request, ada))
    second = voting(story, request, ben, await story.ballot(request, ben))
    results = await overtake(story.db, first, second)
    statuses = [result.status for result in results if isinstance(result, VoteAnswer)]
    assert statuses == [RequestStatus.OPEN, RequestStatus.GRANTED]
    assert (await count(story, VOTE), await count(story, APPROVAL)) == (2, 1)


async def two_votes_where_one_suffices(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    _, _, request = await story.asked(await story.workspace(ada, ben))
    first = voting(story, request, ada, await story.ballot(request, ada))
    second = voting(story, request, ben, await story.ballot(request, ben))
    won, lost = await overtake(story.db, first, second)
    assert isinstance(won, VoteAnswer)
    assert isinstance(lost, ApprovalRefused)
    assert ApprovalFlaw.REQUEST_CLOSED in {reason.code for reason in lost.reasons}
    assert (await count(story, VOTE), await count(story, APPROVAL)) == (1, 1)


async def two_workspaces_for_one_agent(story: Story) -> None:
    won, lost = await overtake(story.db, creating(story), creating(story))
    assert isinstance(won, GovernanceWorkspace)
    assert isinstance(lost, WorkspaceExists)
    assert lost.workspace_id == won.workspace_id
    assert await count(story, WORKSPACE) == 1


async def two_drafts_of_one_workspace(story: Story) -> None:
    workspace = await story.workspace()
    won, lost = await overtake(story.db, opening(story, workspace), opening(story, workspace))
    assert isinstance(won, BusinessDraft)
    assert isinstance(lost, DraftAlreadyOpen)
    assert lost.draft_id == won.draft_id
    assert await count(story, DRAFT) == 1


async def test_of_two_commands_on_one_version_one_is_accepted(story: Story) -> None:
    await two_commands_on_one_version(story)


async def test_an_edit_that_commits_first_keeps_the_approval_from_being_granted(
    story: Story,
) -> None:
    await an_edit_before_an_approval(story)


async def test_an_approval_that_commits_first_closes_the_draft_to_the_edit(story: Story) -> None:
    await an_approval_before_an_edit(story)


async def test_two_votes_at_once_that_meet_the_quorum_make_one_approval(story: Story) -> None:
    await two_votes_that_meet_a_quorum_of_two(story)


async def test_a_vote_that_comes_behind_the_deciding_one_is_refused(story: Story) -> None:
    await two_votes_where_one_suffices(story)


async def test_of_two_workspaces_for_one_agent_one_is_made(story: Story) -> None:
    await two_workspaces_for_one_agent(story)


async def test_of_two_drafts_opened_at_once_one_is_open(story: Story) -> None:
    await two_drafts_of_one_workspace(story)


def _command_on_any_version(
    draft: BusinessDraft, command: BusinessCommand, after: BusinessDraft
) -> sa.Update:
    return (
        sa.update(DRAFT)
        .where(
            DRAFT.c.tenant_id == draft.tenant_id,
            DRAFT.c.draft_id == draft.draft_id,
            DRAFT.c.status == DraftStatus.OPEN,
        )
        .values(
            current_version=command.version,
            contract_json=after.contract_json,
            command_head=command.chain_hash,
        )
    )


def _command_on_any_status(
    draft: BusinessDraft, command: BusinessCommand, after: BusinessDraft
) -> sa.Update:
    return (
        sa.update(DRAFT)
        .where(
            DRAFT.c.tenant_id == draft.tenant_id,
            DRAFT.c.draft_id == draft.draft_id,
            DRAFT.c.current_version == draft.current_version,
        )
        .values(
            current_version=command.version,
            contract_json=after.contract_json,
            command_head=command.chain_hash,
        )
    )


def _approval_of_any_version(draft: BusinessDraft, approval_id: UUID) -> sa.Update:
    return (
        sa.update(DRAFT)
        .where(
            DRAFT.c.tenant_id == draft.tenant_id,
            DRAFT.c.draft_id == draft.draft_id,
            DRAFT.c.status == DraftStatus.OPEN,
        )
        .values(status=DraftStatus.APPROVED, approval_id=approval_id)
    )


def _request_without_a_lock(tx: Writing, request_id: object) -> sa.Select[tuple[object, ...]]:
    return sa.select(REQUEST).where(
        REQUEST.c.tenant_id == tx.tenant_id, REQUEST.c.request_id == request_id
    )


def _workspace_that_insists(workspace: GovernanceWorkspace) -> sa.Insert:
    return WORKSPACE.insert().values(fields_of(workspace))


@dataclass
class Mutant:
    """A race, and the statement in it that is replaced by one without its guard."""

    race: Race
    store: ModuleType
    guard: str
    unguarded: Callable[..., object]


MUTANTS = [
    Mutant(two_commands_on_one_version, draft_store, "command_statement", _command_on_any_version),
    Mutant(an_approval_before_an_edit, draft_store, "command_statement", _command_on_any_status),
    Mutant(an_edit_before_an_approval, draft_store, "approve_statement", _approval_of_any_version),
    Mutant(
        two_votes_that_meet_a_quorum_of_two,
        request_store,
        "lock_statement",
        _request_without_a_lock,
    ),
    Mutant(
        two_workspaces_for_one_agent, workspace_store, "insert_statement", _workspace_that_insists
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.unguarded.__name__)
async def test_without_its_guard_the_race_goes_wrong(
    story: Story, monkeypatch: pytest.MonkeyPatch, mutant: Mutant
) -> None:
    monkeypatch.setattr(mutant.store, mutant.guard, mutant.unguarded)
    with pytest.raises(AssertionError):
        await mutant.race(story)


async def test_a_snapshot_and_its_contract_survive_an_edit_during_review(story: Story) -> None:
    signer = await story.signer()
    draft, snapshot, request = await story.asked(await story.workspace(signer))
    await story.command(draft, importing(contract(agent=AGENT)), expected=1)
    with pytest.raises(ApprovalRefused) as refused:
        await story.vote(request, signer)
    assert {reason.code for reason in refused.value.reasons} == {ApprovalFlaw.VERSION_MOVED}
    again = await story.snapshot(draft, expected=2)
    assert again.memory_json == snapshot.memory_json
    assert (await story.vote(await story.request(again), signer)).status is RequestStatus.GRANTED
