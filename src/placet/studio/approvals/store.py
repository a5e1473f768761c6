"""Questions about approvals, and the row that is added."""

from uuid import UUID

import sqlalchemy as sa

from placet.storage.database import Reading, Writing
from placet.studio.approvals.model import ApprovalHead, ApprovalNotFound, GovernanceApproval
from placet.studio.approvals.tables import APPROVAL


async def insert_approval(tx: Writing, approval: GovernanceApproval) -> None:
    """Add an approval. There is one for a request and one for a snapshot."""
    await tx.insert(APPROVAL, approval)


async def next_version(tx: Writing, workspace_id: UUID) -> int:
    """Return the version of the next approval of a workspace, whose row the caller holds."""
    (row,) = await tx.rows(
        sa.select(sa.func.coalesce(sa.func.max(APPROVAL.c.approval_version), 0) + 1).where(
            APPROVAL.c.tenant_id == tx.tenant_id, APPROVAL.c.workspace_id == workspace_id
        )
    )
    version: int = row[0]
    return version


async def get_head(tx: Reading, approval_id: UUID) -> ApprovalHead:
    """Return an approval without its proof. Refuses `approval_not_found`."""
    found = await tx.find(ApprovalHead, _heads(tx).where(APPROVAL.c.approval_id == approval_id))
    if found is None:
        raise ApprovalNotFound(detail="there is no approval with this id")
    return found


async def list_heads(
    tx: Reading, workspace_id: UUID, *, before: int | None, limit: int
) -> list[ApprovalHead]:
    """Return up to `limit` approvals of a workspace, the newest first, older than a version."""
    query = _heads(tx).where(APPROVAL.c.workspace_id == workspace_id)
    if before is not None:
        query = query.where(APPROVAL.c.approval_version < before)
    return await tx.list(
        ApprovalHead, query.order_by(APPROVAL.c.approval_version.desc()).limit(limit)
    )


async def get_approval(tx: Reading, approval_id: UUID) -> GovernanceApproval:
    """Return an approval. Refuses `approval_not_found`."""
    found = await tx.find(
        GovernanceApproval,
        sa.select(APPROVAL).where(
            APPROVAL.c.tenant_id == tx.tenant_id, APPROVAL.c.approval_id == approval_id
        ),
    )
    if found is None:
        raise ApprovalNotFound(detail="there is no approval with this id")
    return found


def _heads(tx: Reading) -> sa.Select[tuple[object, ...]]:
    columns = [APPROVAL.c[name] for name in ApprovalHead.__struct_fields__]
    return sa.select(*columns).where(APPROVAL.c.tenant_id == tx.tenant_id)
