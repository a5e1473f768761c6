"""What is approved for break-glass stands by: it is signed, and puts nothing in force."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from tests.studio.story import AGENT, LOOKUP, Signer, Story, contract

from placet.authority import store as authority
from placet.events.model import StreamId
from placet.events.store import list_events
from placet.evidence.vote import VotePurpose, verify_vote
from placet.kernel.principal import Environment
from placet.plans import service as plans
from placet.plans.model import GovernancePlan, PlanStatus
from placet.replay.sessions.policies import acting_for
from placet.storage.work import EXPIRE_APPROVAL, WorkDue
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalFlaw, ApprovalProof, ApprovalRefused
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import DraftStatus
from placet.studio.endings import service as endings
from placet.studio.endings import watch
from placet.studio.endings.model import ApprovalStatus
from placet.studio.requests import service as requests
from placet.studio.requests.model import RequestApproval, StandbyChangesNoPolicy
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import ApprovalPolicy, GovernanceWorkspace


async def standby(
    story: Story, signer: Signer, workspace: GovernanceWorkspace
) -> tuple[UUID, UUID]:
    """Approve something for break-glass; return the approval's id and its draft's."""
    draft, _, request = await story.asked(
        workspace, contract(LOOKUP, agent=AGENT), VotePurpose.BREAK_GLASS
    )
    answer = await story.vote(request, signer)
    assert answer.approval_id is not None
    return answer.approval_id, draft.draft_id


async def plan_of(story: Story) -> GovernancePlan:
    async with story.db.reading(story.founder) as tx:
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
    assert plan is not None
    return plan


async def test_the_quorum_makes_an_artifact_and_moves_neither_plan_nor_workspace(
    story: Story,
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, _, request = await story.asked(workspace)
    ordinary = await story.vote(request, signer)
    before = await plan_of(story)
    approval_id, draft_id = await standby(story, signer, workspace)
    assert await plan_of(story) == before
    assert before.approval_id == ordinary.approval_id
    async with story.db.reading(story.founder) as tx:
        now = await workspaces.get_workspace(tx, workspace.workspace_id)
        shown = await endings.show_approval(tx, approval_id)
        artifact = await authority.get_artifact(tx, shown.artifact_id)
        draft = await drafts.get_draft(tx, draft_id)
    assert (now.active_approval_id, now.active_draft_id) == (ordinary.approval_id, None)
    assert (shown.status, shown.purpose) == (ApprovalStatus.STANDBY, VotePurpose.BREAK_GLASS)
    assert shown.approval_version == 2
    assert artifact.approval_id == approval_id
    assert draft.status is DraftStatus.APPROVED


async def test_where_nothing_was_approved_nothing_is_in_force_after_it(story: Story) -> None:
    signer = await story.signer()
    await standby(story, signer, await story.workspace(signer))
    assert (await plan_of(story)).status is PlanStatus.LEARNING


async def test_each_voter_signs_that_it_is_for_break_glass(story: Story) -> None:
    signer = await story.signer()
    approval_id, _ = await standby(story, signer, await story.workspace(signer))
    async with story.db.reading(story.founder) as tx:
        shown = await endings.show_approval(tx, approval_id)
    proof = msgspec.json.decode(shown.approval_proof, type=ApprovalProof)
    (envelope,) = proof.votes
    assert verify_vote(envelope, [signer.key.public]).purpose is VotePurpose.BREAK_GLASS


async def test_a_vote_for_the_other_purpose_counts_for_nothing(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, _, request = await story.asked(workspace, None, VotePurpose.BREAK_GLASS)
    ballot = await story.ballot(request, signer, purpose=VotePurpose.ORDINARY)
    with pytest.raises(ApprovalRefused) as refused:
        await story.hand_in(request, ballot, signer.principal)
    (reason,) = refused.value.reasons
    assert (reason.code, "purpose" in reason.detail) == (ApprovalFlaw.SIGNED_OTHERWISE, True)


async def test_a_request_for_break_glass_brings_no_other_policy(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, snapshot, _ = await story.asked(workspace)
    asked = RequestApproval(
        snapshot_id=snapshot.snapshot_id,
        purpose=VotePurpose.BREAK_GLASS,
        next_approval_policy=ApprovalPolicy(validity_days=3),
    )
    with pytest.raises(StandbyChangesNoPolicy):
        async with story.db.writing(story.founder) as tx:
            await requests.request_approval(tx, asked, story.ids)


async def test_an_ordinary_approval_leaves_what_stands_by(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    approval_id, _ = await standby(story, signer, workspace)
    _, _, request = await story.asked(workspace)
    await story.vote(request, signer)
    async with story.db.reading(story.founder) as tx:
        shown = await endings.show_approval(tx, approval_id)
    assert shown.status is ApprovalStatus.STANDBY


async def test_a_warning_is_given_before_what_stands_by_runs_out(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer, policy=ApprovalPolicy(validity_days=30))
    approval_id, _ = await standby(story, signer, workspace)
    async with story.db.writing(acting_for(workspace.tenant_id)) as tx:
        head = await approvals.get_head(tx, approval_id)
        assert head.expires_at is not None
        due = WorkDue(
            tenant_id=workspace.tenant_id,
            kind=EXPIRE_APPROVAL,
            ref=approval_id,
            due_at=head.approved_at,
        )
        at = head.expires_at - timedelta(days=3)
        await watch.watch_approval(tx, due, at, story.ids)
    async with story.db.reading(story.founder) as tx:
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=200)
    assert events[-1].type == "ApprovalExpiring"
