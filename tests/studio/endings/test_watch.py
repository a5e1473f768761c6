"""Expiry and the warnings before it, at given times: each told once, by whoever comes first."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import pytest
from tests.conftest import Server
from tests.studio.story import AGENT, LOOKUP, Signer, Story, contract

from placet.events.model import RecordedEvent, StreamId
from placet.events.store import list_events
from placet.kernel.principal import Environment
from placet.plans import store as plan_store
from placet.plans.model import PlanStatus
from placet.replay.sessions.policies import acting_for
from placet.storage.work import EXPIRE_APPROVAL, WorkDue
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalHead
from placet.studio.endings import service, watch
from placet.studio.endings.model import ApprovalStatus, RevokeApproval
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import ApprovalPolicy, GovernanceWorkspace

DAY = timedelta(days=1)


class Watched:
    """A workspace whose approvals last thirty days, and a watch that is told the time."""

    def __init__(self, story: Story, workspace: GovernanceWorkspace, signer: Signer) -> None:
        """Stand on a workspace."""
        self.story = story
        self.workspace = workspace
        self.signer = signer

    async def approve(self, *tools: dict[str, object]) -> ApprovalHead:
        """Have a contract approved."""
        asked = contract(*tools, agent=AGENT)
        _, _, request = await self.story.asked(self.workspace, asked)
        answer = await self.story.vote(request, self.signer)
        assert answer.approval_id is not None
        async with self.story.db.reading(self.story.founder) as tx:
            return await approvals.get_head(tx, answer.approval_id)

    async def look(self, approval: ApprovalHead, left: timedelta) -> None:
        """Look at an approval when it still has this long to run."""
        assert approval.expires_at is not None
        tenant = self.workspace.tenant_id
        work = WorkDue(
            tenant_id=tenant,
            kind=EXPIRE_APPROVAL,
            ref=approval.approval_id,
            due_at=approval.approved_at,
        )
        async with self.story.db.writing(acting_for(tenant)) as tx:
            await watch.watch_approval(tx, work, approval.expires_at - left, self.story.ids)

    async def told(self) -> list[RecordedEvent]:
        """Return what the workspace's stream was told of ends."""
        async with self.story.db.reading(self.story.founder) as tx:
            events = await list_events(
                tx, StreamId(self.workspace.workspace_id), after=0, limit=200
            )
        ends = {"ApprovalExpiring", "ApprovalExpired", "ApprovalRevoked", "PlanWithdrawn"}
        return [event for event in events if event.type in ends]

    async def warnings(self) -> list[int]:
        """Return the days of the warnings that were given."""
        return [
            msgspec.json.decode(event.body or b"")["days_before"]
            for event in await self.told()
            if event.type == "ApprovalExpiring"
        ]


@pytest.fixture
def due_at(server: Server, database_name: str) -> Callable[[UUID], Awaitable[datetime | None]]:
    """Tell when an approval is to be looked at: nobody but a worker's function sees that."""

    async def look(approval_id: UUID) -> datetime | None:
        admin = await asyncpg.connect(server.admin(database_name))
        found: datetime | None = await admin.fetchval(
            "SELECT due_at FROM placet.work_due WHERE kind = $1 AND ref = $2",
            EXPIRE_APPROVAL,
            approval_id,
        )
        await admin.close()
        return found

    return look


@pytest.fixture
async def watched(story: Story) -> Watched:
    signer = await story.signer()
    policy = ApprovalPolicy(validity_days=30)
    return Watched(story, await story.workspace(signer, policy=policy), signer)


async def test_each_warning_is_given_once_in_its_time(watched: Watched) -> None:
    approval = await watched.approve()
    for left in (20 * DAY, 14 * DAY, 10 * DAY, 3 * DAY, 2 * DAY, DAY, DAY / 2, DAY / 4):
        await watched.look(approval, left)
        await watched.look(approval, left)
    assert await watched.warnings() == [14, 3, 1]


async def test_a_watch_that_was_away_gives_the_nearest_warning_only(watched: Watched) -> None:
    approval = await watched.approve()
    await watched.look(approval, 2 * DAY)
    assert await watched.warnings() == [3]


async def test_an_approval_that_is_not_in_force_is_not_warned_about(watched: Watched) -> None:
    old = await watched.approve()
    await watched.approve(LOOKUP)
    await watched.look(old, DAY)
    assert await watched.told() == []


async def test_an_approval_that_ran_out_is_told_of_once_and_leaves_workspace_and_plan(
    watched: Watched,
) -> None:
    approval = await watched.approve()
    await watched.look(approval, timedelta(0))
    await watched.look(approval, -DAY)
    expired, withdrawn = await watched.told()
    assert (expired.type, withdrawn.type) == ("ApprovalExpired", "PlanWithdrawn")
    assert msgspec.json.decode(withdrawn.body or b"")["why"] == "expired"
    async with watched.story.db.reading(watched.story.founder) as tx:
        plan = await plan_store.find_stored_plan(tx, AGENT, Environment.STAGING)
        workspace = await workspaces.get_workspace(tx, watched.workspace.workspace_id)
    assert plan is not None
    assert (plan.status, plan.artifact_id, plan.approval_id) == (PlanStatus.READY, None, None)
    assert workspace.active_approval_id is None


async def test_an_older_approval_that_runs_out_leaves_the_newer_one_in_force(
    watched: Watched,
) -> None:
    old, new = await watched.approve(), await watched.approve(LOOKUP)
    await watched.look(old, timedelta(0))
    assert [event.type for event in await watched.told()] == ["ApprovalExpired"]
    async with watched.story.db.reading(watched.story.founder) as tx:
        plan = await plan_store.find_stored_plan(tx, AGENT, Environment.STAGING)
    assert plan is not None
    assert plan.approval_id == new.approval_id


async def test_a_revoked_approval_is_neither_warned_about_nor_told_to_have_expired(
    watched: Watched,
) -> None:
    approval = await watched.approve()
    async with watched.story.db.writing(watched.story.founder) as tx:
        await service.revoke_approval(
            tx,
            approval.approval_id,
            RevokeApproval(reason="wrong"),
            watched.story.ids,
            is_operator=True,
        )
    await watched.look(approval, DAY)
    await watched.look(approval, timedelta(0))
    assert [event.type for event in await watched.told()] == ["ApprovalRevoked", "PlanWithdrawn"]


async def test_an_expired_approval_can_be_revoked_and_then_counts_as_revoked(
    watched: Watched,
) -> None:
    approval = await watched.approve()
    await watched.look(approval, timedelta(0))
    async with watched.story.db.writing(watched.story.founder) as tx:
        answer = await service.revoke_approval(
            tx,
            approval.approval_id,
            RevokeApproval(reason="wrong"),
            watched.story.ids,
            is_operator=True,
        )
    assert answer.status is ApprovalStatus.REVOKED


async def test_the_loop_looks_at_every_approval_that_ends_and_comes_back_for_the_next_warning(
    watched: Watched, due_at: Callable[[UUID], Awaitable[datetime | None]]
) -> None:
    ends, never = await watched.approve(), await watched.story.approved(agent="another-desk")
    while await watch.watch_due(watched.story.db, watched.story.ids):
        pass
    assert await watched.told() == []
    assert ends.expires_at is not None
    assert await due_at(ends.approval_id) == ends.expires_at - 14 * DAY
    assert never.approval_id is not None
    assert await due_at(never.approval_id) is None
