"""Approvals over HTTP."""

from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.approvals import store
from placet.studio.approvals.model import ApprovalAnswer
from placet.tenancy.entry import AppRequest, RouteOpt, answer, database_of, principal_of


@get(
    "/api/v1/studio/approvals/{approval_id:uuid}",
    opt=RouteOpt(
        scope=(Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN),
        answer=ApprovalAnswer,
    ),
)
async def get_approval(request: AppRequest, approval_id: FromPath[UUID]) -> Response[bytes]:
    """Return one approval with the votes and keys that prove it."""
    async with database_of(request).reading(principal_of(request)) as tx:
        approval = await store.get_approval(tx, approval_id)
    return answer(
        ApprovalAnswer(
            approval_id=approval.approval_id,
            workspace_id=approval.workspace_id,
            draft_snapshot_id=approval.draft_snapshot_id,
            request_id=approval.request_id,
            approval_version=approval.approval_version,
            artifact_id=approval.artifact_id,
            source_snapshot_hash=approval.source_snapshot_hash,
            command_history_hash=approval.command_history_hash,
            compiler_version=approval.compiler_version,
            approval_proof=msgspec.Raw(approval.approval_proof_json),
            approved_by=approval.approved_by,
            approved_at=approval.approved_at,
            expires_at=approval.expires_at,
        )
    )


HANDLERS = [get_approval]
