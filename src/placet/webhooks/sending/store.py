"""Whose outbox is looked after next, over all tenants, and when again.

Every event leaves a row of its own in `work_due`, so that no write waits for another. A pass over a
tenant's outbox answers for all of them at once.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import asyncpg
import sqlalchemy as sa

from placet.kernel.ids import TenantId
from placet.storage.database import Database, Writing
from placet.storage.work import put_due
from placet.webhooks.endpoints.model import SEND_WEBHOOKS

CLEARED_MAX: Final = 10_000
_CLEAR: Final = sa.text("SELECT placet.outbox_clear_v1(:most)")


async def take_turns(
    db: Database, running: Iterable[TenantId], *, limit: int, lease_seconds: int
) -> list[TenantId]:
    """Return up to `limit` tenants whose outbox is due, but for those that have their turn now.

    Each comes back after `lease_seconds` unless a pass has answered for it by then.
    """
    rows: list[asyncpg.Record] = await db.hot.rows(
        "SELECT placet.outbox_take_v1($1, $2, $3) AS tenant_id", list(running), limit, lease_seconds
    )
    return [TenantId(row["tenant_id"]) for row in rows]


async def clear_turns(tx: Writing) -> None:
    """Let everything go that says that somebody has to look after the tenant.

    What is due is looked up after it, in the same transaction: what was written before is seen
    then, and what is written later stays and wakes somebody.
    """
    await tx.rows(_CLEAR.bindparams(most=CLEARED_MAX))


async def put_turn(tx: Writing, at: datetime) -> None:
    """Say when somebody has to look after the tenant again."""
    await put_due(tx, SEND_WEBHOOKS, tx.tenant_id, at)
