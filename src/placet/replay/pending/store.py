"""Questions about open calls and what was reported of them."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from placet.replay.calls.model import ReplayExecutionReceipt
from placet.replay.calls.tables import RECEIPT
from placet.storage.database import Reading


async def list_first_receipts(
    tx: Reading, session_id: UUID, calls: Sequence[UUID], *, limit: int
) -> dict[UUID, list[ReplayExecutionReceipt]]:
    """Return the first `limit` receipts of each of these calls, the first one first."""
    if not calls:
        return {}
    place = sa.func.row_number().over(
        partition_by=RECEIPT.c.pending_call_id, order_by=RECEIPT.c.receipt_id
    )
    numbered = (
        sa.select(RECEIPT.c.receipt_id, place.label("place"))
        .where(
            RECEIPT.c.tenant_id == tx.tenant_id,
            RECEIPT.c.session_id == session_id,
            RECEIPT.c.pending_call_id.in_(calls),
        )
        .subquery()
    )
    found = await tx.list(
        ReplayExecutionReceipt,
        sa.select(RECEIPT)
        .join(numbered, numbered.c.receipt_id == RECEIPT.c.receipt_id)
        .where(
            RECEIPT.c.tenant_id == tx.tenant_id,
            RECEIPT.c.session_id == session_id,
            numbered.c.place <= limit,
        )
        .order_by(RECEIPT.c.receipt_id),
    )
    receipts: dict[UUID, list[ReplayExecutionReceipt]] = {}
    for receipt in found:
        receipts.setdefault(receipt.pending_call_id, []).append(receipt)
    return receipts
