"""Moves of a plan, and what it counts for by the database's clock."""

from pathlib import Path

import pytest
from tests.studio.story import AGENT, Story

from placet.kernel.principal import Environment
from placet.plans import service, store
from placet.plans.model import (
    ApprovePlan,
    Enforcement,
    GovernancePlan,
    PlanMovedOn,
    PlanNotFound,
    PlanStatus,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces.model import CreateWorkspace


async def stored(story: Story) -> GovernancePlan:
    async with story.db.reading(story.founder) as tx:
        plan = await store.find_stored_plan(tx, AGENT, Environment.STAGING)
    assert plan is not None
    return plan


def approving(plan: GovernancePlan, agent: str = AGENT) -> ApprovePlan:
    assert plan.artifact_id is not None
    assert plan.compiled_hash is not None
    assert plan.approval_id is not None
    return ApprovePlan(
        agent=agent,
        environment=Environment.STAGING,
        artifact_id=plan.artifact_id,
        compiled_hash=plan.compiled_hash,
        approval_id=plan.approval_id,
        approved_at=plan.updated_at,
        approval_expires_at=plan.updated_at,
    )


async def test_an_approval_that_ran_out_counts_as_ready_by_the_databases_clock(
    story: Story,
) -> None:
    await story.approved()
    async with story.db.writing(story.founder) as tx:
        await service.approve_plan(tx, approving(await stored(story)))
    async with story.db.reading(story.founder) as tx:
        counted = await service.find_plan(tx, AGENT, Environment.STAGING)
    assert (await stored(story)).status is PlanStatus.APPROVED
    assert counted is not None
    assert (counted.status, counted.artifact_id) == (PlanStatus.READY, None)


async def test_a_move_decided_on_an_older_version_meets_nothing(story: Story) -> None:
    await story.approved()
    old = await stored(story)
    async with story.db.writing(story.founder) as tx:
        assert await store.advance_to_approved(tx, old, approving(old))
        assert not await store.advance_to_approved(tx, old, approving(old))
        assert not await store.advance_to_enforcing(tx, old)
    assert (await stored(story)).version == old.version + 1


async def test_a_lost_move_is_a_conflict(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    await story.approved()
    old = await stored(story)
    async with story.db.writing(story.founder) as tx:
        await service.approve_plan(tx, approving(old))

    async def stale(*_: object) -> GovernancePlan:
        return old

    monkeypatch.setattr(store, "find_stored_plan", stale)
    with pytest.raises(PlanMovedOn):
        async with story.db.writing(story.founder) as tx:
            await service.approve_plan(tx, approving(old))


async def test_nothing_is_approved_where_there_is_no_plan(story: Story) -> None:
    await story.approved()
    asked = approving(await stored(story), agent="nobody")
    with pytest.raises(PlanNotFound):
        async with story.db.writing(story.founder) as tx:
            await service.approve_plan(tx, asked)


async def test_the_first_attach_makes_a_blocking_plan_enforcing_and_the_second_nothing(
    story: Story,
) -> None:
    signer = await story.signer()
    asked = CreateWorkspace(
        agent=AGENT,
        environment=Environment.STAGING,
        enforcement=Enforcement.BLOCK,
        approvers=(signer.enrolment(),),
    )
    async with story.db.writing(story.founder) as tx:
        workspace = await workspaces.create_workspace(tx, asked, story.ids)
    async with story.db.writing(story.founder) as tx:
        assert await service.mark_enforcing(tx, await stored(story)) is None
    _, _, request = await story.asked(workspace)
    await story.vote(request, signer)
    approved = await stored(story)
    async with story.db.writing(story.founder) as tx:
        said = await service.mark_enforcing(tx, approved)
        assert said is not None
        assert said.version == approved.version + 1
        assert await service.mark_enforcing(tx, approved) is None
    assert (await stored(story)).status is PlanStatus.ENFORCING


async def test_a_reporting_plan_never_enforces(story: Story) -> None:
    await story.approved()
    async with story.db.writing(story.founder) as tx:
        assert await service.mark_enforcing(tx, await stored(story)) is None


def test_every_change_of_a_plan_raises_its_version() -> None:
    source = Path(store.__file__).read_text()
    changes = source.split("sa.update(PLAN)")[1:]
    assert len(changes) > 3
    assert all(
        "version=PLAN.c.version + 1" in change.partition("async def")[0] for change in changes
    )
