"""Questions about orphan receipts, and the rows that are added."""

from uuid import UUID

import sqlalchemy as sa

from placet.kernel.principal import Principal
from placet.replay.orphans.model import ReplayOrphanReceipt
from placet.replay.orphans.tables import ORPHAN
from placet.storage.database import Reading, Writing


async def insert_orphan(tx: Writing, orphan: ReplayOrphanReceipt) -> None:
    """Keep an orphan receipt."""
    await tx.insert(ORPHAN, orphan)


async def list_orphans(
    tx: Reading, principal: Principal, *, before: UUID | None, limit: int
) -> list[ReplayOrphanReceipt]:
    """Return the orphan receipts that a key may see, the latest ids first, those before this id.

    A key that is bound to an agent in an environment sees only what was granted to it there.
    """
    query = sa.select(ORPHAN).where(ORPHAN.c.tenant_id == tx.tenant_id)
    if principal.agent is not None:
        query = query.where(ORPHAN.c.agent == principal.agent)
    if principal.environment is not None:
        query = query.where(ORPHAN.c.environment == principal.environment)
    if before is not None:
        query = query.where(ORPHAN.c.receipt_id < before)
    return await tx.list(
        ReplayOrphanReceipt, query.order_by(ORPHAN.c.receipt_id.desc()).limit(limit)
    )
