"""Opening a workspace, whole or not at all."""

import pytest
from msgspec.structs import replace
from tests.studio.story import AGENT, Story

from placet.authority import store as authority
from placet.authority.model import EnrolmentRefused
from placet.events.model import StreamId
from placet.events.store import list_events
from placet.kernel.principal import Environment
from placet.plans import service as plans
from placet.plans.model import PlanStatus
from placet.studio.workspaces import service, store
from placet.studio.workspaces.model import (
    ApproversNotDistinct,
    CreateWorkspace,
    WorkspaceExists,
    WorkspaceNotFound,
)
from placet.tenancy import store as tenancy
from placet.tenancy.model import Role


async def test_a_new_workspace_has_its_approvers_a_learning_plan_and_its_first_events(
    story: Story,
) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada, ben)
    async with story.db.reading(story.founder) as tx:
        members = await store.list_approvers(tx, workspace.workspace_id)
        assert {member.actor_id for member in members} == {
            ada.principal.actor_id,
            ben.principal.actor_id,
        }
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
        assert plan is not None
        assert (plan.status, plan.artifact_id) == (PlanStatus.LEARNING, None)
        stream = StreamId(workspace.workspace_id)
        told = [event.type for event in await list_events(tx, stream, after=0, limit=9)]
        assert told == ["WorkspaceCreated", "PlanOpened"]
        grants = await tenancy.list_grants(tx, ada.principal.actor_id)
    assert (Role.APPROVER, workspace.workspace_id) in {
        (grant.role, grant.workspace_id) for grant in grants
    }


async def test_a_second_workspace_for_the_same_place_names_the_first(story: Story) -> None:
    workspace = await story.workspace()
    with pytest.raises(WorkspaceExists) as refused:
        await story.workspace()
    assert refused.value.workspace_id == workspace.workspace_id
    await story.workspace(environment=Environment.PRODUCTION)


async def test_one_unfit_approver_leaves_no_workspace_and_no_key(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    wrong = replace(ben.enrolment(), public_key=bytes(32))
    asked = CreateWorkspace(
        agent=AGENT, environment=Environment.STAGING, approvers=(ada.enrolment(), wrong)
    )
    with pytest.raises(EnrolmentRefused):
        async with story.db.writing(story.founder) as tx:
            await service.create_workspace(tx, asked, story.ids)
    async with story.db.reading(story.founder) as tx:
        assert await store.find_workspace_of(tx, AGENT, Environment.STAGING) is None
        assert await authority.list_person_keys(tx) == []


async def test_one_person_is_not_two_approvers(story: Story) -> None:
    ada = await story.signer()
    with pytest.raises(ApproversNotDistinct):
        await story.workspace(ada, ada)


async def test_another_tenants_workspace_looks_like_none(story: Story, other: Story) -> None:
    workspace = await story.workspace()
    async with other.db.reading(other.founder) as tx:
        with pytest.raises(WorkspaceNotFound) as theirs:
            await store.get_workspace(tx, workspace.workspace_id)
        with pytest.raises(WorkspaceNotFound) as nobodys:
            await store.get_workspace(tx, story.ids.new())
    assert (str(theirs.value), theirs.value.members()) == (
        str(nobodys.value),
        nobodys.value.members(),
    )
