"""Revoking an approval: what it makes true, who may, and what it leaves alone."""

from uuid import UUID

import msgspec
import pytest
from tests.studio.enrolments import people
from tests.studio.story import AGENT, LOOKUP, Signer, Story, contract

from placet.authority import service as authority
from placet.authority.controls import store as controls
from placet.authority.model import RevokeKey
from placet.events.model import RecordedEvent, StreamId, StreamKind, tenant_stream
from placet.events.store import list_events
from placet.kernel.principal import Environment, Principal
from placet.plans import service as plans
from placet.plans.model import GovernancePlan, PlanStatus
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalNotFound
from placet.studio.endings import service
from placet.studio.endings.model import (
    ApprovalStatus,
    ApprovalSummary,
    RevocationAnswer,
    RevocationNotAllowed,
    RevokeApproval,
)
from placet.studio.enrolments import service as enrolments
from placet.studio.enrolments.model import RemoveApprover
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import GovernanceWorkspace, RuntimeAuthorityKind
from placet.tenancy import service as tenancy
from placet.tenancy.model import Role


async def approve(
    story: Story, workspace: GovernanceWorkspace, signer: Signer, *tools: dict[str, object]
) -> UUID:
    _, _, request = await story.asked(workspace, contract(*tools, agent=workspace.agent))
    answer = await story.vote(request, signer)
    assert answer.approval_id is not None
    return answer.approval_id


async def revoke(
    story: Story, approval_id: UUID, by: Principal, *, is_operator: bool = True
) -> RevocationAnswer:
    asked = RevokeApproval(reason="it pays too much")
    async with story.db.writing(by) as tx:
        return await service.revoke_approval(
            tx, approval_id, asked, story.ids, is_operator=is_operator
        )


async def plan_of(story: Story) -> GovernancePlan:
    async with story.db.reading(story.founder) as tx:
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
    assert plan is not None
    return plan


async def summaries(story: Story, workspace: GovernanceWorkspace) -> list[ApprovalSummary]:
    async with story.db.reading(story.founder) as tx:
        heads = await approvals.list_heads(tx, workspace.workspace_id, before=None, limit=50)
        return await service.summarise(tx, heads)


async def events_of(story: Story, stream: UUID) -> list[RecordedEvent]:
    async with story.db.reading(story.founder) as tx:
        return await list_events(tx, StreamId(stream), after=0, limit=200)


async def test_a_revocation_moves_workspace_and_plan_and_is_told_in_both_streams(
    story: Story,
) -> None:
    ada = await story.signer()
    workspace = await story.workspace(ada)
    approval_id = await approve(story, workspace, ada)
    in_force = await plan_of(story)
    answer = await revoke(story, approval_id, story.founder)
    assert (answer.status, answer.sessions_open) == (ApprovalStatus.REVOKED, 0)
    plan = await plan_of(story)
    assert (plan.status, plan.version) == (PlanStatus.READY, in_force.version + 1)
    assert (plan.artifact_id, plan.compiled_hash, plan.approval_id) == (None, None, None)
    assert (plan.approved_at, plan.approval_expires_at) == (None, None)
    async with story.db.reading(story.founder) as tx:
        now = await workspaces.get_workspace(tx, workspace.workspace_id)
        kills = await controls.list_artifact_kills(tx, [in_force.artifact_id or UUID(int=0)])
    assert now.active_approval_id is None
    assert now.runtime_authority_kind is RuntimeAuthorityKind.PLAN
    assert [kill.control_id for kill in kills.values()] == [answer.control_id]
    told = await events_of(story, workspace.workspace_id)
    assert [event.type for event in told][-2:] == ["ApprovalRevoked", "PlanWithdrawn"]
    assert msgspec.json.decode(told[-2].body or b"") == {
        "approval_id": str(approval_id),
        "workspace_id": str(workspace.workspace_id),
        "artifact_id": str(in_force.artifact_id),
        "control_id": str(answer.control_id),
        "reason": "it pays too much",
    }
    (control,) = await events_of(story, tenant_stream(ada.principal.tenant_id, StreamKind.CONTROL))
    assert (control.type, control.control_epoch) == ("ControlSet", 1)


async def test_revoked_twice_is_revoked_once(story: Story) -> None:
    ada = await story.signer()
    workspace = await story.workspace(ada)
    approval_id = await approve(story, workspace, ada)
    first = await revoke(story, approval_id, story.founder)
    again = await revoke(story, approval_id, ada.principal, is_operator=False)
    assert again == first
    told = [event.type for event in await events_of(story, workspace.workspace_id)]
    assert told.count("ApprovalRevoked") == 1
    control = tenant_stream(ada.principal.tenant_id, StreamKind.CONTROL)
    assert len(await events_of(story, control)) == 1


async def test_an_older_approval_is_revoked_without_the_newer_one(story: Story) -> None:
    ada = await story.signer()
    workspace = await story.workspace(ada)
    old = await approve(story, workspace, ada)
    new = await approve(story, workspace, ada, LOOKUP)
    before = await plan_of(story)
    await revoke(story, old, story.founder)
    assert await plan_of(story) == before
    async with story.db.reading(story.founder) as tx:
        now = await workspaces.get_workspace(tx, workspace.workspace_id)
    assert now.active_approval_id == new
    assert now.runtime_authority_kind is RuntimeAuthorityKind.ARTIFACT


async def test_after_a_revocation_an_older_approval_does_not_come_back(story: Story) -> None:
    ada = await story.signer()
    workspace = await story.workspace(ada)
    old = await approve(story, workspace, ada)
    new = await approve(story, workspace, ada, LOOKUP)
    await revoke(story, new, story.founder)
    assert (await plan_of(story)).status is PlanStatus.READY
    shown = {each.approval_id: each.status for each in await summaries(story, workspace)}
    assert shown == {old: ApprovalStatus.SUPERSEDED, new: ApprovalStatus.REVOKED}


async def test_the_same_contract_is_in_force_again_once_it_is_approved_anew(story: Story) -> None:
    ada = await story.signer()
    workspace = await story.workspace(ada)
    first = await approve(story, workspace, ada)
    compiled = (await plan_of(story)).compiled_hash
    await revoke(story, first, story.founder)
    again = await approve(story, workspace, ada)
    plan = await plan_of(story)
    assert (plan.status, plan.approval_id) == (PlanStatus.APPROVED, again)
    assert plan.compiled_hash == compiled
    async with story.db.reading(story.founder) as tx:
        assert await controls.list_artifact_kills(tx, [plan.artifact_id or UUID(int=0)]) == {}


async def test_an_approver_of_the_workspace_revokes_and_nobody_elses_approver_does(
    story: Story,
) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada)
    await story.workspace(ben, agent="another-desk")
    approval_id = await approve(story, workspace, ada)
    for stranger in (ben.principal, (await story.workplace.person("cy", Role.AUTHOR))[0]):
        with pytest.raises(RevocationNotAllowed):
            await revoke(story, approval_id, stranger, is_operator=False)
    assert (await plan_of(story)).status is PlanStatus.APPROVED
    answer = await revoke(story, approval_id, ada.principal, is_operator=False)
    assert answer.revoked_by == ada.principal.actor_id


async def test_who_has_no_key_left_that_counts_revokes_nothing(story: Story) -> None:
    """Whether the key ended, the membership did, or the one after the other."""
    ada, ben, cy = [await story.signer(name) for name in ("ada", "ben", "cy")]
    workspace = await story.workspace(ada, ben, environment=Environment.DEVELOPMENT)
    await people.confirmed(story, workspace.workspace_id, cy, ben)
    approval_id = await approve(story, workspace, ben)
    async with story.db.writing(story.founder) as tx:
        await authority.revoke_key(
            tx, ada.key.key_id, RevokeKey(reason="lost"), story.ids, is_admin=True
        )
    async with story.db.writing(story.founder) as tx:
        await tenancy.disable_actor(tx, cy.principal.actor_id, story.ids)
    with pytest.raises(RevocationNotAllowed):
        await revoke(story, approval_id, ada.principal, is_operator=False)
    with pytest.raises(RevocationNotAllowed):
        await revoke(story, approval_id, cy.principal, is_operator=False)
    again = people.with_another_key(ada)
    await people.confirmed(story, workspace.workspace_id, again, ben)
    async with story.db.writing(story.founder) as tx:
        await enrolments.remove_approver(
            tx,
            workspace.workspace_id,
            ada.principal.actor_id,
            RemoveApprover(reason="left"),
            story.ids,
            is_admin=True,
        )
    with pytest.raises(RevocationNotAllowed):
        await revoke(story, approval_id, ada.principal, is_operator=False)


async def test_no_approval_and_another_tenants_are_not_found(story: Story, other: Story) -> None:
    ada = await other.signer()
    theirs = await approve(other, await other.workspace(ada), ada)
    for nothing in (theirs, UUID(int=1)):
        with pytest.raises(ApprovalNotFound, match="there is no approval with this id"):
            await revoke(story, nothing, story.founder)
    assert (await plan_of(other)).status is PlanStatus.APPROVED


async def test_a_list_tells_how_each_approval_stands_the_newest_first(story: Story) -> None:
    ada = await story.signer()
    workspace = await story.workspace(ada)
    ids = [await approve(story, workspace, ada) for _ in range(3)]
    await revoke(story, ids[0], story.founder)
    shown = await summaries(story, workspace)
    assert [(each.approval_id, each.approval_version, each.status) for each in shown] == [
        (ids[2], 3, ApprovalStatus.IN_FORCE),
        (ids[1], 2, ApprovalStatus.SUPERSEDED),
        (ids[0], 1, ApprovalStatus.REVOKED),
    ]
    assert shown[2].ending is not None
    assert shown[2].ending.reason == "it pays too much"
