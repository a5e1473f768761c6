"""Questions about receipts, and the row that is added."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa

from placet.storage.database import Reading, Writing
from placet.studio.drift.scans.model import ApprovalRuntimeReceipt
from placet.studio.drift.scans.tables import RECEIPT

_HOLD: Final = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def hold_scans(tx: Writing, approval_id: UUID) -> None:
    """Let nobody else scan for an approval until the transaction is over."""
    await tx.rows(_HOLD.bindparams(name=f"drift:{tx.tenant_id}:{approval_id}"))


async def insert_receipt(tx: Writing, receipt: ApprovalRuntimeReceipt) -> None:
    """Add a receipt."""
    await tx.insert(RECEIPT, receipt)


async def find_last(tx: Reading, approval_id: UUID) -> ApprovalRuntimeReceipt | None:
    """Return the receipt of the last scan for an approval."""
    return await tx.find(
        ApprovalRuntimeReceipt,
        sa.select(RECEIPT)
        .where(RECEIPT.c.tenant_id == tx.tenant_id, RECEIPT.c.approval_id == approval_id)
        .order_by(RECEIPT.c.window_from.desc())
        .limit(1),
    )


async def list_receipts(
    tx: Reading, workspace_id: UUID, *, before: UUID | None, limit: int
) -> list[ApprovalRuntimeReceipt]:
    """Return up to `limit` receipts of a workspace, the newest first, before the one named."""
    query = sa.select(RECEIPT).where(
        RECEIPT.c.tenant_id == tx.tenant_id, RECEIPT.c.workspace_id == workspace_id
    )
    if before is not None:
        query = query.where(RECEIPT.c.receipt_id < before)
    return await tx.list(
        ApprovalRuntimeReceipt, query.order_by(RECEIPT.c.receipt_id.desc()).limit(limit)
    )
