"""Opening a workspace, whole or not at all."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.studio.story import AGENT, Story

from placet.authority import store as authority
from placet.authority.model import EnrolmentFlaw, EnrolmentRefused
from placet.events.model import StreamId
from placet.events.store import list_events
from placet.evidence.dsse import encode_envelope
from placet.evidence.vote import sign_proof
from placet.kernel.principal import Environment
from placet.plans import service as plans
from placet.plans.model import PlanStatus
from placet.studio.archives import service as archives
from placet.studio.workspaces import service, store
from placet.studio.workspaces.model import (
    ApproversNotDistinct,
    ArchiveWorkspace,
    CreateWorkspace,
    NameApprover,
    WorkspaceCreated,
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


@pytest.mark.parametrize(
    "other",
    [
        {"agent": "other-desk"},
        {"environment": Environment.PRODUCTION},
        {"succeeds": UUID(int=7)},
        {"groups": ("legal",)},
    ],
    ids=["agent", "environment", "predecessor", "groups"],
)
async def test_nobody_is_made_a_first_approver_by_a_proof_for_another_workspace(
    story: Story, other: dict[str, Any]
) -> None:
    ada = await story.signer()
    named = ada.enrolment(*other.pop("groups", ()), **other)
    refused = await refusal(story, replace(named, groups=()))
    assert [reason.code for reason in refused.reasons] == [EnrolmentFlaw.PROOF_OF_ANOTHER]
    told = f"the agent `{AGENT}` in staging, groups none, no workspace before"
    assert refused.reasons[0].detail.endswith(told)


async def test_a_proof_that_names_no_workspace_makes_no_first_approver(story: Story) -> None:
    ada = await story.signer()
    who = ada.principal
    for challenge in (bytes(32), b"\x07" * 32):
        proof = encode_envelope(sign_proof(who.tenant_id, who.actor_id, challenge, ada.key))
        refused = await refusal(story, replace(ada.enrolment(), proof=proof))
        assert [reason.code for reason in refused.reasons] == [EnrolmentFlaw.PROOF_OF_ANOTHER]


async def test_a_first_approver_s_proof_serves_no_workspace_after_an_archived_one(
    story: Story,
) -> None:
    ada = await story.signer()
    first = await story.workspace(ada)
    async with story.db.writing(story.founder) as tx:
        asked = ArchiveWorkspace(reason="retired")
        await archives.archive_workspace(tx, first.workspace_id, asked, story.ids)
    refused = await refusal(story, ada.enrolment())
    assert refused.reasons[0].detail.endswith(f"after {first.workspace_id}")
    second = await story.workspace(ada, succeeds=first.workspace_id)
    assert (first.succeeds, second.succeeds) == (None, first.workspace_id)
    async with story.db.reading(story.founder) as tx:
        (key,) = await store.list_keys(tx, second.workspace_id)
        (told, *_) = await list_events(tx, StreamId(second.workspace_id), after=0, limit=9)
    assert key.proof == ada.enrolment(succeeds=first.workspace_id).proof
    said = msgspec.json.decode(told.body or b"", type=WorkspaceCreated)
    assert (said.succeeds, said.first_approvers[0].proof) == (first.workspace_id, key.proof)


async def refusal(story: Story, named: NameApprover) -> EnrolmentRefused:
    """Return why a workspace with this first approver is not made."""
    asked = CreateWorkspace(agent=AGENT, environment=Environment.STAGING, approvers=(named,))
    with pytest.raises(EnrolmentRefused) as refused:
        async with story.db.writing(story.founder) as tx:
            await service.create_workspace(tx, asked, story.ids)
    return refused.value


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
