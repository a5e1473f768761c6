"""The first chapter: a draft is written, frozen, and signed by somebody who did not write it."""

import msgspec

from placet.cli.demo.contract import AGENT, LOOKUP, REFUND, SESSION
from placet.cli.demo.people import People
from placet.cli.demo.timeline import Timeline
from placet.cli.exits import CommandRefused, Exit
from placet.evidence.dsse import encode_envelope
from placet.evidence.first_approver import first_naming, sign_first_proof
from placet.evidence.vote import ApprovalVote, VoteDecision, sign_vote
from placet.kernel.foreign import Json
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, PlanAnswer
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    Command,
    DraftAnswer,
    DraftId,
    OpenDraft,
    SetSession,
    SetToolContract,
)
from placet.studio.requests.model import RequestAnswer, RequestApproval, RequestStatus
from placet.studio.snapshots.model import SnapshotAnswer, TakeSnapshot
from placet.studio.votes.model import CastVote, VoteAnswer
from placet.studio.workspaces.model import (
    ApprovalPolicy,
    CreateWorkspace,
    GovernanceWorkspace,
    NameApprover,
)


async def approve(people: People, timeline: Timeline, ids: Ids) -> None:
    """Take the contract from an empty workspace to a signed artifact that is in force."""
    workspace = await _open_workspace(people)
    timeline.tell("admin", "opened", f"a workspace for {AGENT} in staging, which blocks")
    draft_id = await _write(people, workspace, timeline, ids)
    frozen = await people.author.post(
        f"/studio/drafts/{draft_id}/snapshots",
        TakeSnapshot(expected_draft_version=3),
        SnapshotAnswer,
    )
    timeline.tell("Nora", "froze", f"version 3 as a snapshot: {frozen.status.value}")
    asked = await people.author.post(
        "/studio/approval-requests",
        RequestApproval(snapshot_id=frozen.snapshot_id),
        RequestAnswer,
    )
    voted = await _vote(people, asked)
    if voted.status is not RequestStatus.GRANTED or voted.compiled_hash is None:
        raise CommandRefused(
            detail=f"the approval was not granted but is {voted.status.value}",
            remedy="read the service's log in the data folder",
            code=Exit.FAILED,
        )
    timeline.tell("Ada", "approved", f"view {asked.view_hash[:12]}, signed with her own key")
    plan = await people.auditor.get(
        f"/governance/plan?agent={AGENT}&environment=staging", PlanAnswer
    )
    timeline.tell(
        "service",
        "compiled",
        f"artifact {voted.compiled_hash[:12]}; the plan is {plan.status.value}, "
        f"and will {plan.enforcement.value}",
    )


async def _open_workspace(people: People) -> GovernanceWorkspace:
    approver, key = people.approver, people.signing
    naming = first_naming(people.tenant_id, AGENT, Environment.STAGING)
    proof = sign_first_proof(naming, approver.actor_id, key)
    enrolment = NameApprover(
        actor_id=approver.actor_id, public_key=key.public.raw, proof=encode_envelope(proof)
    )
    asked = CreateWorkspace(
        agent=AGENT,
        environment=Environment.STAGING,
        enforcement=Enforcement.BLOCK,
        approval_policy=ApprovalPolicy(quorum=1, four_eyes=True),
        approvers=(enrolment,),
    )
    return await people.admin.post("/studio/workspaces", asked, GovernanceWorkspace)


async def _write(
    people: People, workspace: GovernanceWorkspace, timeline: Timeline, ids: Ids
) -> DraftId:
    path = f"/studio/workspaces/{workspace.workspace_id}/drafts"
    draft = await people.author.post(path, OpenDraft(), DraftAnswer)
    commands: list[tuple[str, Command]] = [
        ("what holds for a session", SetSession(session=_raw(SESSION))),
        ("the tool lookup_order", SetToolContract(tool=_raw(LOOKUP))),
        ("the tool issue_refund", SetToolContract(tool=_raw(REFUND))),
    ]
    for version, (what, command) in enumerate(commands):
        asked = ApplyCommand(expected_draft_version=version, command=command)
        path, key = f"/studio/drafts/{draft.draft_id}/commands", str(ids.new())
        applied = await people.author.post(path, asked, AppliedCommand, key)
        again = await people.author.post(path, asked, AppliedCommand, key)
        once = "the same answer when sent again" if again == applied else "changed twice"
        timeline.tell("Nora", "wrote", f"{what}: version {applied.version}, {once}")
    return draft.draft_id


async def _vote(people: People, asked: RequestAnswer) -> VoteAnswer:
    """Read the request as the approver, sign exactly what it shows, and hand that in."""
    path = f"/studio/approval-requests/{asked.request_id}"
    shown = await people.approver.get(path, RequestAnswer)
    vote = ApprovalVote(
        **msgspec.structs.asdict(shown.vote_fields),
        decision=VoteDecision.APPROVE,
        voter_id=people.approver.actor_id,
        key_id=people.signing.key_id,
    )
    envelope = encode_envelope(sign_vote(vote, people.signing))
    cast = CastVote(envelope=msgspec.Raw(envelope), reason="bounded, and once for an order")
    return await people.approver.post(f"{path}/votes", cast, VoteAnswer)


def _raw(document: dict[str, Json]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(document))
