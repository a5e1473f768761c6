"""Revoking approvals, noting that they expired, warning of it, and showing how they stand."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from placet.authority.controls import service as controls
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.plans import service as plans
from placet.plans.model import EndingKind
from placet.replay.sessions import store as sessions
from placet.replay.sessions.endings import END_SESSIONS
from placet.storage.database import Reading, Writing
from placet.storage.work import END_ACTIVATION, put_due
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalHead
from placet.studio.endings import rules, store
from placet.studio.endings.model import (
    ApprovalEnding,
    ApprovalRevoked,
    ApprovalShown,
    ApprovalStatus,
    ApprovalSummary,
    RevocationAnswer,
    RevocationNotAllowed,
    RevokeApproval,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import GovernanceWorkspace
from placet.studio.workspaces.rules import approvers_of
from placet.tenancy import store as tenancy
from placet.tenancy.model import Role


async def revoke_approval(
    tx: Writing, approval_id: UUID, asked: RevokeApproval, ids: Ids, *, is_operator: bool
) -> RevocationAnswer:
    """Revoke an approval: nothing is granted or started under it after this transaction.

    `is_operator` tells whether the caller may stop things; otherwise it takes an approver of the
    workspace. Done twice is fine. Refuses `approval_not_found` and `revocation_not_allowed`.
    """
    approval = await approvals.get_head(tx, approval_id)
    if not is_operator and not await is_approver(tx, approval.workspace_id):
        raise RevocationNotAllowed(
            detail="the approval is of a workspace where you approve nothing"
        )
    ending = ApprovalEnding(
        tenant_id=tx.tenant_id,
        approval_id=approval.approval_id,
        kind=EndingKind.REVOKED,
        workspace_id=approval.workspace_id,
        artifact_id=approval.artifact_id,
        reason=asked.reason,
        control_id=ids.new(),
        ended_by=tx.actor_id,
        ended_at=await tx.now(),
    )
    if not await store.insert_ending(tx, ending):
        before = await store.find_ending(tx, approval_id, EndingKind.REVOKED)
        return await _answer(tx, before or ending)
    said = [_revoked(ending), *await withdraw(tx, ending)]
    await put_due(tx, END_SESSIONS, ending.artifact_id, ending.ended_at)
    await workspaces.tell(tx, ending.workspace_id, said, ids)
    # Last, because it holds the gate: every grant of the tenant waits from here on.
    await controls.kill_artifact(
        tx, ending.artifact_id, asked.reason, ending.control_id or ids.new(), ids
    )
    return await _answer(tx, ending)


async def withdraw(tx: Writing, ending: ApprovalEnding) -> list[Value]:
    """Take an approval that ended from its workspace and its plan, where they point at it.

    Returns what the workspace's stream is to be told of that.
    """
    workspace = await workspace_store.lock_workspace(tx, ending.workspace_id)
    await workspace_store.release_approval(tx, workspace.workspace_id, ending.approval_id)
    moved = await plans.withdraw_plan(
        tx, workspace.agent, workspace.environment, ending.approval_id, ending.kind
    )
    said: list[Value] = [] if moved is None else [moved]
    return [*said, *await _restored(tx, workspace, ending)]


async def _restored(
    tx: Writing, workspace: GovernanceWorkspace, ending: ApprovalEnding
) -> list[Value]:
    """End the activation of an approval that stood by."""
    activation = await plans.find_activation(
        tx, workspace.agent, workspace.environment, ending.approval_id
    )
    if activation is None:
        return []
    restored = await plans.restore_plan(tx, workspace.agent, workspace.environment, activation)
    await put_due(tx, END_ACTIVATION, activation, ending.ended_at)
    return [] if restored is None else [restored]


async def summarise(tx: Reading, heads: Sequence[ApprovalHead]) -> list[ApprovalSummary]:
    """Return approvals of one workspace as they count now."""
    if not heads:
        return []
    workspace = await workspace_store.get_workspace(tx, heads[0].workspace_id)
    endings = await store.list_endings(tx, [head.approval_id for head in heads])
    counted = await sessions.count_open_under(tx, [head.artifact_id for head in heads])
    now = await tx.now()
    return [
        ApprovalSummary(
            **asdict(head),
            status=rules.status_of(
                endings[head.approval_id],
                head.expires_at,
                now,
                is_pointed_at=workspace.active_approval_id == head.approval_id,
                purpose=head.purpose,
            ),
            ending=rules.shown_ending(endings[head.approval_id]),
            sessions_open=counted[head.artifact_id],
        )
        for head in heads
    ]


async def show_approval(tx: Reading, approval_id: UUID) -> ApprovalShown:
    """Return an approval with what proves it, as it counts now. Refuses `approval_not_found`."""
    approval = await approvals.get_approval(tx, approval_id)
    (summary,) = await summarise(tx, [await approvals.get_head(tx, approval_id)])
    return ApprovalShown(
        **asdict(summary),
        source_snapshot_hash=approval.source_snapshot_hash,
        command_history_hash=approval.command_history_hash,
        compiler_version=approval.compiler_version,
        approval_proof=msgspec.Raw(approval.approval_proof_json),
    )


async def is_approver(tx: Reading, workspace_id: UUID) -> bool:
    """Return whether whoever `tx` was opened for approves in a workspace."""
    grants = await tenancy.list_grants(tx, tx.actor_id)
    has_role = any(
        grant.role is Role.APPROVER and grant.workspace_id in {None, workspace_id}
        for grant in grants
    )
    keys = await workspaces.read_standings(tx, workspace_id)
    return has_role and tx.actor_id in approvers_of(keys)


async def _answer(tx: Reading, ending: ApprovalEnding) -> RevocationAnswer:
    assert ending.control_id is not None  # noqa: S101 -- a revocation has one: the row's CHECK
    counted = await sessions.count_open_under(tx, [ending.artifact_id])
    return RevocationAnswer(
        approval_id=ending.approval_id,
        status=ApprovalStatus.REVOKED,
        reason=ending.reason or "",
        control_id=ending.control_id,
        revoked_by=ending.ended_by,
        revoked_at=ending.ended_at,
        sessions_open=counted[ending.artifact_id],
    )


def _revoked(ending: ApprovalEnding) -> ApprovalRevoked:
    assert ending.control_id is not None  # noqa: S101 -- a revocation has one: the row's CHECK
    return ApprovalRevoked(
        approval_id=ending.approval_id,
        workspace_id=ending.workspace_id,
        artifact_id=ending.artifact_id,
        control_id=ending.control_id,
        reason=ending.reason or "",
    )
