"""Races between endings, and between the end of an approval and a newer one, in a forced order.

Every race is run a second time with its guard taken out of the statement that writes; the same
assertions must then fail.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.conftest import Workplace
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import AGENT, LOOKUP, Signer, Story, contract

from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId
from placet.events.store import list_events
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.refusals import Refusal
from placet.plans import service as plans
from placet.plans import store as plan_store
from placet.plans.model import GovernancePlan, PlanStatus
from placet.plans.tables import PLAN
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database, Writing, fields_of
from placet.storage.work import EXPIRE_APPROVAL, WorkDue
from placet.studio.approvals import store as approvals
from placet.studio.endings import service, watch
from placet.studio.endings import store as ending_store
from placet.studio.endings.model import (
    ApprovalEnding,
    EndingWarning,
    RevocationAnswer,
    RevokeApproval,
)
from placet.studio.endings.tables import ENDING, WARNING
from placet.studio.requests.model import ApprovalRequest
from placet.studio.votes import service as votes
from placet.studio.votes.model import VoteAnswer
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import ApprovalPolicy, GovernanceWorkspace
from placet.studio.workspaces.tables import WORKSPACE


@pytest.fixture
async def story(db: Database, ids: Ids, workplace: Workplace) -> Story:
    return Story(db, ids, workplace, ServerKeys.generate())


@dataclass
class Scene:
    """A workspace with an approval in force that lasts thirty days."""

    story: Story
    signer: Signer
    workspace: GovernanceWorkspace
    approval_id: UUID

    def revoking(self) -> Side:
        """Revoke that approval."""

        async def work(tx: Writing) -> object:
            return await service.revoke_approval(
                tx,
                self.approval_id,
                RevokeApproval(reason="wrong"),
                self.story.ids,
                is_operator=True,
            )

        return Side(self.story.founder, work)

    async def approving(self) -> tuple[Side, ApprovalRequest]:
        """Approve something else."""
        _, _, request = await self.story.asked(self.workspace, contract(LOOKUP, agent=AGENT))
        ballot = await self.story.ballot(request, self.signer)

        async def work(tx: Writing) -> object:
            return await votes.cast_vote(
                tx, request.request_id, ballot, self.story.keys, self.story.ids
            )

        return Side(self.signer.principal, work), request

    def watching(self, left: timedelta) -> Side:
        """Look at that approval when it still has this long to run."""
        tenant = self.workspace.tenant_id

        async def work(tx: Writing) -> object:
            approval = await approvals.get_head(tx, self.approval_id)
            assert approval.expires_at is not None
            due = WorkDue(
                tenant_id=tenant,
                kind=EXPIRE_APPROVAL,
                ref=self.approval_id,
                due_at=approval.approved_at,
            )
            await watch.watch_approval(tx, due, approval.expires_at - left, self.story.ids)
            return None

        return Side(acting_for(tenant), work)

    async def told(self, kind: str) -> int:
        """Return how often the workspace's stream was told of something."""
        stream = StreamId(self.workspace.workspace_id)
        async with self.story.db.reading(self.story.founder) as tx:
            events = await list_events(tx, stream, after=0, limit=200)
        return [event.type for event in events].count(kind)

    async def now(self) -> tuple[GovernancePlan | None, UUID | None]:
        """Return the plan, and what the workspace points at."""
        async with self.story.db.reading(self.story.founder) as tx:
            plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
            workspace = await workspace_store.get_workspace(tx, self.workspace.workspace_id)
        return plan, workspace.active_approval_id


@pytest.fixture
async def scene(story: Story) -> Scene:
    signer = await story.signer()
    workspace = await story.workspace(signer, policy=ApprovalPolicy(validity_days=30))
    _, _, request = await story.asked(workspace)
    answer = await story.vote(request, signer)
    assert answer.approval_id is not None
    return Scene(story, signer, workspace, answer.approval_id)


async def two_revocations(scene: Scene) -> None:
    first, second = await overtake(scene.story.db, scene.revoking(), scene.revoking())
    assert isinstance(first, RevocationAnswer)
    assert second == first
    assert await scene.told("ApprovalRevoked") == 1


async def a_newer_approval_before_a_revocation(scene: Scene) -> None:
    approving, _ = await scene.approving()
    approved, revoked = await overtake(scene.story.db, approving, scene.revoking())
    assert isinstance(approved, VoteAnswer)
    assert isinstance(revoked, RevocationAnswer)
    plan, active = await scene.now()
    assert plan is not None
    assert (plan.status, plan.approval_id) == (PlanStatus.APPROVED, approved.approval_id)
    assert active == approved.approval_id


async def a_revocation_before_a_newer_approval(scene: Scene) -> None:
    approving, request = await scene.approving()
    revoked, approved = await overtake(scene.story.db, scene.revoking(), approving)
    assert isinstance(revoked, RevocationAnswer)
    assert isinstance(approved, Refusal), approved
    plan, active = await scene.now()
    assert plan is not None
    assert (plan.status, active) == (PlanStatus.READY, None)
    again = await scene.story.vote(request, scene.signer)
    plan, active = await scene.now()
    assert plan is not None
    assert again.approval_id is not None
    assert (plan.approval_id, active) == (again.approval_id, again.approval_id)


async def two_watches_at_a_warning(scene: Scene) -> None:
    left = timedelta(days=2)
    outcomes = await overtake(scene.story.db, scene.watching(left), scene.watching(left))
    assert outcomes == (None, None)
    assert await scene.told("ApprovalExpiring") == 1


async def two_watches_at_the_end(scene: Scene) -> None:
    left = timedelta(0)
    outcomes = await overtake(scene.story.db, scene.watching(left), scene.watching(left))
    assert outcomes == (None, None)
    assert (await scene.told("ApprovalExpired"), await scene.told("PlanWithdrawn")) == (1, 1)


async def a_revocation_before_a_watch_at_the_end(scene: Scene) -> None:
    revoked, watched = await overtake(
        scene.story.db, scene.revoking(), scene.watching(timedelta(0))
    )
    assert isinstance(revoked, RevocationAnswer)
    assert watched is None
    assert await scene.told("PlanWithdrawn") == 1


Race = Callable[[Scene], Awaitable[None]]
RACES: list[Race] = [
    two_revocations,
    a_newer_approval_before_a_revocation,
    a_revocation_before_a_newer_approval,
    two_watches_at_a_warning,
    two_watches_at_the_end,
    a_revocation_before_a_watch_at_the_end,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
async def test_the_race_comes_to_what_it_must(scene: Scene, race: Race) -> None:
    await race(scene)


def _ending_that_insists(ending: ApprovalEnding) -> sa.Insert:
    return ENDING.insert().values(fields_of(ending))


def _warning_that_insists(warning: EndingWarning) -> sa.Insert:
    return WARNING.insert().values(fields_of(warning))


def _released_whatever_it_points_at(
    tx: Writing, workspace_id: UUID, approval_id: UUID
) -> sa.Update:
    del approval_id
    return (
        sa.update(WORKSPACE)
        .where(WORKSPACE.c.tenant_id == tx.tenant_id, WORKSPACE.c.workspace_id == workspace_id)
        .values(active_approval_id=None)
    )


def _withdrawn_whatever_it_points_at(tx: Writing, plan_id: UUID, approval_id: UUID) -> sa.Update:
    del approval_id
    return (
        sa.update(PLAN)
        .where(PLAN.c.tenant_id == tx.tenant_id, PLAN.c.plan_id == plan_id)
        .values(
            status=PlanStatus.READY,
            version=PLAN.c.version + 1,
            artifact_id=None,
            compiled_hash=None,
            approval_id=None,
            approved_at=None,
            approval_expires_at=None,
        )
    )


@dataclass
class Mutant:
    """A race, and the statement in it that is replaced by one without its guard."""

    race: Race
    store: ModuleType
    guard: str
    unguarded: Callable[..., object]


MUTANTS = [
    Mutant(two_revocations, ending_store, "insert_statement", _ending_that_insists),
    Mutant(two_watches_at_the_end, ending_store, "insert_statement", _ending_that_insists),
    Mutant(two_watches_at_a_warning, ending_store, "warning_statement", _warning_that_insists),
    Mutant(
        a_newer_approval_before_a_revocation,
        workspace_store,
        "release_statement",
        _released_whatever_it_points_at,
    ),
    Mutant(
        a_newer_approval_before_a_revocation,
        plan_store,
        "withdraw_statement",
        _withdrawn_whatever_it_points_at,
    ),
    Mutant(
        a_revocation_before_a_watch_at_the_end,
        plan_store,
        "withdraw_statement",
        _withdrawn_whatever_it_points_at,
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.unguarded.__name__)
async def test_without_its_guard_the_race_goes_wrong(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, mutant: Mutant
) -> None:
    monkeypatch.setattr(mutant.store, mutant.guard, mutant.unguarded)
    with pytest.raises(AssertionError):
        await mutant.race(scene)
