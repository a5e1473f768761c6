"""Questions about orphan receipts, and the rows that are added."""

from uuid import UUID

import sqlalchemy as sa

from placet.evidence.grant import Grant
from placet.replay.orphans.model import ReplayOrphanReceipt
from placet.replay.orphans.tables import ORPHAN
from placet.storage.database import Reading, Writing

_ATTESTS = sa.text(
    "SELECT placet.host_attests_v1(:tenant, :environment, :tool, :key_id) AS counts"
).bindparams(sa.bindparam("tenant", type_=sa.Uuid))


async def insert_orphan(tx: Writing, orphan: ReplayOrphanReceipt) -> None:
    """Keep an orphan receipt."""
    await tx.insert(ORPHAN, orphan)


async def is_attesting(tx: Reading, grant: Grant, key_id: str) -> bool:
    """Tell whether this key's word on this call counts, as it would for a call that is known."""
    ((counts,),) = await tx.rows(
        _ATTESTS.bindparams(
            tenant=tx.tenant_id,
            environment=grant.environment.value,
            tool=grant.tool,
            key_id=key_id,
        )
    )
    return bool(counts)


async def list_orphans(
    tx: Reading, *, before: UUID | None, limit: int
) -> list[ReplayOrphanReceipt]:
    """Return orphan receipts, the latest ids first, those before this id."""
    query = sa.select(ORPHAN).where(ORPHAN.c.tenant_id == tx.tenant_id)
    if before is not None:
        query = query.where(ORPHAN.c.receipt_id < before)
    return await tx.list(
        ReplayOrphanReceipt, query.order_by(ORPHAN.c.receipt_id.desc()).limit(limit)
    )
