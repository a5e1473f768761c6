"""Asking for an approval: everything that the voters will see is frozen here."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec.structs import replace

from placet.authority.checkpoints import service as checkpoints
from placet.evidence.vote import APPROVAL_VOTE_TYPE, VotePurpose
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.policy.compile import Compiled, compile_contract
from placet.policy.diff.change import Change
from placet.policy.diff.contracts import diff_contracts
from placet.policy.projection import COMPILER_VERSION
from placet.storage.database import Reading, Writing
from placet.storage.work import CLOSE_REQUEST, put_due
from placet.studio.approvals import rules as approval_rules
from placet.studio.approvals import store as approvals
from placet.studio.drafts import service as draft_service
from placet.studio.drafts import store as drafts
from placet.studio.endings import store as endings
from placet.studio.impact import service as impact
from placet.studio.requests import rules, store
from placet.studio.requests.model import (
    ApprovalAlreadyRequested,
    ApprovalFrame,
    ApprovalRequest,
    ApprovalRequestClosed,
    ApprovalRequested,
    ContractDiff,
    RequestAnswer,
    RequestApproval,
    RequestClosed,
    RequestId,
    RequestStatus,
    StandbyChangesNoPolicy,
    WithdrawalNotAllowed,
    WithdrawRequest,
)
from placet.studio.snapshots import rules as snapshot_rules
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.workspaces import rules as workspace_rules
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import GovernanceWorkspace, PolicyChange


async def request_approval(tx: Writing, asked: RequestApproval, ids: Ids) -> ApprovalRequest:
    """Ask people for their assent to a snapshot, and freeze what they are shown.

    An open request for an older snapshot is superseded. Refuses `snapshot_not_found`,
    `approval_refused` with every reason, `groups_refused` for a next policy that cannot be,
    `approval_already_requested`, `standby_changes_no_policy` and `workspace_not_active`.
    """
    snapshot = await snapshots.get_snapshot(tx, asked.snapshot_id)
    workspace = await _approvable(tx, snapshot)
    request = await _frozen(tx, asked, snapshot, workspace, ids)
    said: list[Value] = await _make_room(tx, request)
    await workspace_store.hold_active(tx, workspace.workspace_id)
    # Race: a draft that was given up while this waited for its workspace is asked about no more.
    await _approvable(tx, snapshot)
    if not await store.insert_request(tx, request):
        raise await _asked_already(tx, request)
    await put_due(tx, CLOSE_REQUEST, request.request_id, request.deadline)
    said.append(_requested(request, snapshot))
    await workspaces.tell(tx, workspace.workspace_id, said, ids)
    return request


async def withdraw_request(
    tx: Writing, request_id: UUID, asked: WithdrawRequest, ids: Ids
) -> ApprovalRequest:
    """Take an open request back, as whoever made it or as an author of the draft.

    Refuses `request_not_found`, `withdrawal_not_allowed` and `request_closed`.
    """
    request = await store.lock_request(tx, request_id)
    snapshot = await snapshots.get_snapshot(tx, request.snapshot_id)
    may = {request.requested_by, *await draft_service.list_authors(tx, snapshot.draft_id)}
    if tx.actor_id not in may:
        raise WithdrawalNotAllowed(detail="you neither made the request nor wrote the draft")
    status = rules.status_at(request, await tx.now())
    if status is not RequestStatus.OPEN:
        raise RequestClosed(detail=f"the request is `{status}`", request_status=status)
    await close_request(tx, request, RequestStatus.WITHDRAWN, ids, asked.reason)
    return replace(request, status=RequestStatus.WITHDRAWN)


async def expire_request(tx: Writing, request_id: UUID, ids: Ids) -> datetime | None:
    """Write down that the deadline of an open request has passed.

    A request that was closed before stays as it is. Returns when to look again: the deadline of one
    that runs still. Refuses `request_not_found`.
    """
    request = await store.lock_request(tx, request_id)
    if rules.status_at(request, await tx.now()) is RequestStatus.OPEN:
        return request.deadline
    if request.status is RequestStatus.OPEN:
        await close_request(tx, request, RequestStatus.EXPIRED, ids)
    return None


async def take_back(tx: Writing, request_id: UUID, reason: str, ids: Ids) -> None:
    """Close a request together with what it asks for: withdrawn, or expired if it was too late.

    What was closed before stays as it is. Refuses `request_not_found`.
    """
    request = await store.lock_request(tx, request_id)
    if request.status is not RequestStatus.OPEN:
        return
    if rules.status_at(request, await tx.now()) is RequestStatus.OPEN:
        await close_request(tx, request, RequestStatus.WITHDRAWN, ids, reason)
    else:
        await close_request(tx, request, RequestStatus.EXPIRED, ids)


async def close_request(
    tx: Writing,
    request: ApprovalRequest,
    status: RequestStatus,
    ids: Ids,
    reason: str | None = None,
) -> None:
    """Close a request that the caller holds and found open, and tell the workspace's stream."""
    await store.advance_request(tx, request, status)
    said = replace(close_of(request, status), reason=reason)
    await workspaces.tell(tx, request.workspace_id, [said], ids)


async def show_request(tx: Reading, request_id: UUID) -> RequestAnswer:
    """Return a request as it counts now, with what is to be signed. Refuses `request_not_found`."""
    request = await store.get_request(tx, request_id)
    snapshot = await snapshots.get_snapshot(tx, request.snapshot_id)
    return RequestAnswer(
        request_id=request.request_id,
        workspace_id=request.workspace_id,
        snapshot_id=request.snapshot_id,
        status=rules.status_at(request, await tx.now()),
        environment=request.environment,
        view=msgspec.Raw(request.view_json),
        view_hash=request.view_hash,
        artifact_hash=request.artifact_hash,
        approval_policy_hash=request.approval_policy_hash,
        deadline=request.deadline,
        requested_by=request.requested_by,
        created_at=request.created_at,
        vote_type=APPROVAL_VOTE_TYPE,
        vote_fields=rules.fields_to_sign(request, snapshot, await checkpoints.to_be_seen(tx)),
    )


async def _approvable(tx: Reading, snapshot: BusinessDraftSnapshot) -> GovernanceWorkspace:
    """Return the workspace of a snapshot that can be approved. Refuses `approval_refused`."""
    draft = await drafts.get_draft(tx, snapshot.draft_id)
    workspace = await workspace_store.get_workspace(tx, snapshot.workspace_id)
    if reasons := approval_rules.check_approvable(workspace, draft, snapshot):
        raise approval_rules.refused(reasons)
    return workspace


async def _frozen(
    tx: Writing,
    asked: RequestApproval,
    snapshot: BusinessDraftSnapshot,
    workspace: GovernanceWorkspace,
    ids: Ids,
) -> ApprovalRequest:
    before, against = await _in_force(tx, workspace)
    # On a thread and before anything is locked: a large contract takes most of a second.
    compiled, changes = await asyncio.to_thread(_compiled, snapshot, before)
    artifact_hash = compiled.compiled_hash.hex()
    change = await _policy_change(tx, asked, workspace)
    draft = await drafts.get_draft(tx, snapshot.draft_id)
    frame = ApprovalFrame(
        workspace_id=workspace.workspace_id,
        purpose=asked.purpose,
        agent=workspace.agent,
        environment=workspace.environment,
        enforcement=workspace.enforcement,
        unplanned=workspace.unplanned,
        snapshot_id=snapshot.snapshot_id,
        snapshot_hash=snapshot.snapshot_hash,
        snapshot_version=snapshot.version,
        artifact_hash=artifact_hash,
        compiler_version=snapshot.compiler_version,
        approval_policy=workspace.approval_policy,
        policy_change=change,
        diff=ContractDiff(against=against, changes=changes),
        findings=snapshot.findings,
        judgments=snapshot.judgments,
        impact=await impact.find_summary(tx, workspace.workspace_id, artifact_hash),
        ended=await endings.list_ended(tx, draft.derived_from_approval_id, artifact_hash),
    )
    view = await asyncio.to_thread(rules.freeze_view, frame, compiled.review)
    now = await tx.now()
    return ApprovalRequest(
        tenant_id=tx.tenant_id,
        request_id=RequestId(ids.new()),
        workspace_id=workspace.workspace_id,
        snapshot_id=snapshot.snapshot_id,
        status=RequestStatus.OPEN,
        view_json=view,
        view_hash=rules.hash_view(view),
        artifact_hash=artifact_hash,
        approval_policy_hash=rules.hash_policy(workspace.approval_policy),
        environment=workspace.environment,
        policy_change=change,
        deadline=now + timedelta(seconds=asked.deadline_seconds),
        requested_by=tx.actor_id,
        created_at=now,
        purpose=asked.purpose,
    )


async def _policy_change(
    tx: Reading, asked: RequestApproval, workspace: GovernanceWorkspace
) -> PolicyChange | None:
    after, first = asked.next_approval_policy, asked.first_members
    if after is None and not first:
        return None
    if asked.purpose is VotePurpose.BREAK_GLASS:
        raise StandbyChangesNoPolicy(detail="what stands by is approved under the policy of now")
    keys = await workspaces.read_standings(tx, workspace.workspace_id)
    members = await workspace_store.list_members(tx, workspace.workspace_id)
    wanted = after or workspace.approval_policy
    roll = workspace_rules.roll_of(wanted, first, members, keys, await tx.now())
    if wrong := workspace_rules.check_change(workspace.approval_policy, wanted, first, roll):
        raise workspace_rules.refused(wrong)
    return PolicyChange(approval_policy=wanted, first_members=list(first), roll=roll)


async def _in_force(
    tx: Reading, workspace: GovernanceWorkspace
) -> tuple[BusinessDraftSnapshot | None, UUID | None]:
    """Return the snapshot that is approved and in force, and its approval."""
    if workspace.active_approval_id is None:
        return None, None
    approval = await approvals.get_approval(tx, workspace.active_approval_id)
    return await snapshots.get_snapshot(tx, approval.draft_snapshot_id), approval.approval_id


def _compiled(
    snapshot: BusinessDraftSnapshot, before: BusinessDraftSnapshot | None
) -> tuple[Compiled, list[Change]]:
    """Return what a snapshot compiles to, and what is new in it.

    One in force that cannot be read counts as none. Refuses `approval_refused`.
    """
    contract = snapshot_rules.read_memory(snapshot.memory_json)
    if isinstance(contract, list) or snapshot.compiler_version != COMPILER_VERSION:
        raise approval_rules.refused([approval_rules.compiled_otherwise()])
    old = None if before is None else snapshot_rules.read_memory(before.memory_json)
    known = None if isinstance(old, list) else old
    return compile_contract(contract), diff_contracts(known, contract)


async def _make_room(tx: Writing, request: ApprovalRequest) -> list[Value]:
    """Close the workspace's open request, unless it is for the same snapshot and still runs."""
    earlier = await store.find_open_request(tx, request.workspace_id)
    if earlier is None:
        return []
    status = rules.status_at(earlier, request.created_at)
    if status is RequestStatus.OPEN:
        if earlier.snapshot_id == request.snapshot_id:
            raise await _asked_already(tx, request)
        status = RequestStatus.SUPERSEDED
    if not await store.advance_request(tx, earlier, status):
        return []
    return [close_of(earlier, status)]


async def _asked_already(tx: Writing, request: ApprovalRequest) -> ApprovalAlreadyRequested:
    earlier = await store.find_open_request(tx, request.workspace_id)
    return ApprovalAlreadyRequested(
        detail="a request for the approval of this snapshot is open",
        open_request_id=earlier.request_id if earlier else None,
    )


def _requested(request: ApprovalRequest, snapshot: BusinessDraftSnapshot) -> ApprovalRequested:
    return ApprovalRequested(
        request_id=request.request_id,
        snapshot_id=request.snapshot_id,
        snapshot_hash=snapshot.snapshot_hash,
        view_hash=request.view_hash,
        artifact_hash=request.artifact_hash,
        approval_policy_hash=request.approval_policy_hash,
        environment=request.environment,
        deadline=request.deadline,
        purpose=request.purpose,
    )


def close_of(request: ApprovalRequest, status: RequestStatus) -> ApprovalRequestClosed:
    """Return what is said when a request ends without an approval."""
    return ApprovalRequestClosed(
        request_id=request.request_id, snapshot_id=request.snapshot_id, status=status
    )
