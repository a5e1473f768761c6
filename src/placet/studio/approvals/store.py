"""Questions about approvals, and the row that is added."""

from uuid import UUID

import sqlalchemy as sa

from placet.storage.database import Reading, Writing
from placet.studio.approvals.model import ApprovalNotFound, GovernanceApproval
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
