"""What must hold of a workspace whatever a crowd did in it, read from its rows and its streams."""

import msgspec
import sqlalchemy as sa
from tests.invariants.crowd import Crowd

from placet.authority import store as authority
from placet.events.model import RecordedEvent, StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.vote import VoteDecision, verify_vote
from placet.kernel.principal import Environment
from placet.plans import service as plans
from placet.policy.compile import compile_contract
from placet.policy.model import Contract
from placet.storage.database import Reading
from placet.studio.approvals.model import ApprovalProof, GovernanceApproval
from placet.studio.approvals.tables import APPROVAL
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import BusinessDraft, DraftStatus
from placet.studio.drafts.tables import COMMAND, DRAFT
from placet.studio.endings.model import ApprovalEnding
from placet.studio.endings.tables import ENDING
from placet.studio.requests.model import ApprovalRequest, RequestStatus
from placet.studio.requests.tables import REQUEST
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.rules import read_memory
from placet.studio.votes.model import VoteCast
from placet.studio.workspaces import store as workspaces


async def judge(crowd: Crowd, after: int) -> int:
    """Fail unless all of it holds. Returns where the tenant's `authority` stream ends now."""
    async with crowd.story.db.reading(crowd.story.founder) as tx:
        approvals = await tx.list(
            GovernanceApproval, _of(APPROVAL, crowd).order_by(APPROVAL.c.approval_version)
        )
        told = await _events(tx, after)
        await _judge_drafts(tx, crowd)
        await _judge_requests(tx, crowd, approvals)
        for approval in approvals:
            await _judge_approval(tx, crowd, approval)
            _judge_order(approval, told)
        _judge_votes(told)
        await _judge_pointers(tx, crowd, approvals)
    return told[-1].seq


async def _judge_drafts(tx: Reading, crowd: Crowd) -> None:
    """Versions are 1..n with no gap."""
    for draft in await tx.list(BusinessDraft, _of(DRAFT, crowd)):
        query = sa.select(COMMAND.c.version).where(
            COMMAND.c.tenant_id == tx.tenant_id, COMMAND.c.draft_id == draft.draft_id
        )
        kept = await tx.rows(query.order_by(COMMAND.c.version))
        assert [row.version for row in kept] == list(range(1, draft.current_version + 1))


async def _judge_requests(tx: Reading, crowd: Crowd, approvals: list[GovernanceApproval]) -> None:
    """A request is granted if and only if there is an approval for it, and one is open at most."""
    asked = await tx.list(ApprovalRequest, _of(REQUEST, crowd))
    granted = {each.request_id for each in asked if each.status is RequestStatus.GRANTED}
    assert {approval.request_id for approval in approvals} == granted
    assert sum(each.status is RequestStatus.OPEN for each in asked) <= 1


async def _judge_approval(tx: Reading, crowd: Crowd, approval: GovernanceApproval) -> None:
    """A quorum signed exactly these bytes, and the draft was at exactly this version."""
    proof = msgspec.json.decode(approval.approval_proof_json, type=ApprovalProof)
    keys = [voter.key.public for voter in crowd.voters]
    signed = [verify_vote(envelope, keys) for envelope in proof.votes]
    snapshot = await snapshots.get_snapshot(tx, approval.draft_snapshot_id)
    artifact = await authority.get_artifact(tx, approval.artifact_id)
    contract = read_memory(snapshot.memory_json)
    assert isinstance(contract, Contract)
    compiled = compile_contract(contract)
    assert artifact.runtime_projection_json == compiled.runtime
    for vote in signed:
        assert (vote.decision, vote.request_id) == (VoteDecision.APPROVE, approval.request_id)
        assert (vote.snapshot_hash, vote.artifact_hash) == (
            snapshot.snapshot_hash,
            compiled.compiled_hash.hex(),
        )
    voters = {vote.voter_id for vote in signed}
    assert len(voters) == len(signed) >= proof.approval_policy.quorum
    for group in proof.approval_policy.groups:
        legal = {crowd.voters[place].key.key_id for place in (0, 2)}
        assert len({vote.key_id for vote in signed} & legal) >= group.quorum
    draft = await drafts.get_draft(tx, snapshot.draft_id)
    assert (draft.status, draft.current_version) == (DraftStatus.APPROVED, snapshot.version)


def _judge_order(approval: GovernanceApproval, told: list[RecordedEvent]) -> None:
    """At the place of the vote that decided, every vote in the proof still counted."""
    proof = msgspec.json.decode(approval.approval_proof_json, type=ApprovalProof)
    cast = {
        vote.key_id: event.seq
        for event in told
        if (vote := _vote(event)) is not None and vote.request_id == approval.request_id
    }
    keys = {voter.key_id for voter in proof.voters}
    deciding = max(cast[key_id] for key_id in keys)
    ended = _ended(told, deciding)
    assert not ended & (keys | {str(voter.actor_id) for voter in proof.voters})


def _judge_votes(told: list[RecordedEvent]) -> None:
    """No vote stands behind the end of its key or of its voter's membership."""
    for event in told:
        if (vote := _vote(event)) is not None:
            assert not _ended(told, event.seq) & {vote.key_id, str(vote.voter_id)}


async def _judge_pointers(tx: Reading, crowd: Crowd, approvals: list[GovernanceApproval]) -> None:
    """Approvals are numbered 1..n, and what is in force is the newest or, if revoked, nothing."""
    assert [each.approval_version for each in approvals] == list(range(1, len(approvals) + 1))
    workspace = await workspaces.get_workspace(tx, crowd.workspace.workspace_id)
    revoked = {each.approval_id for each in await tx.list(ApprovalEnding, _of(ENDING, crowd))}
    newest = approvals[-1].approval_id if approvals else None
    assert workspace.active_approval_id == (None if newest in revoked else newest)
    plan = await plans.find_plan(tx, workspace.agent, Environment.DEVELOPMENT)
    assert plan is not None
    assert plan.approval_id == workspace.active_approval_id


def _ended(told: list[RecordedEvent], before: int) -> set[str]:
    """Return the keys that were revoked, and who was removed or disabled, before a place."""
    ended = set()
    for event in told:
        if event.seq < before and event.body is not None:
            body = msgspec.json.decode(event.body)
            if event.type == "PersonKeyRevoked":
                ended.add(body["key_id"])
            if event.type in {"ApproverRemoved", "ActorDisabled"}:
                ended.add(body["actor_id"])
    return ended


def _vote(event: RecordedEvent) -> VoteCast | None:
    if event.type != "VoteCast" or event.body is None:
        return None
    return msgspec.json.decode(event.body, type=VoteCast)


async def _events(tx: Reading, after: int) -> list[RecordedEvent]:
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    return await list_events(tx, stream, after=after, limit=10_000)


def _of(table: sa.Table, crowd: Crowd) -> sa.Select[tuple[object, ...]]:
    return sa.select(table).where(
        table.c.tenant_id == crowd.story.founder.tenant_id,
        table.c.workspace_id == crowd.workspace.workspace_id,
    )
