"""What is due, over all tenants: one of the few tables that no tenant owns.

Only DEFINER functions reach it. A worker takes what is due, then enters one tenant at a time. A
taken row comes back by itself after its lease, so a worker that dies delays its work and loses
none; the work itself is idempotent.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from placet.kernel.ids import TenantId
from placet.kernel.value import Value
from placet.storage.columns import table
from placet.storage.database import Database

SWEEP_SESSION = "sweep_session"


class WorkDue(Value, frozen=True):
    """That `kind` of work is due for the thing `ref` of a tenant."""

    tenant_id: TenantId
    kind: str
    ref: UUID
    due_at: datetime


WORK_DUE = table(
    "work_due",
    WorkDue,
    sa.Index(None, "kind", "due_at"),
    key=("tenant_id", "kind", "ref"),
    tenant=False,
    app_reads=False,
)


async def take_due(db: Database, kind: str, *, limit: int, lease_seconds: int) -> list[WorkDue]:
    """Take up to `limit` due pieces of work; each comes back after `lease_seconds`."""
    rows: Sequence[asyncpg.Record] = await db.hot.rows(
        "SELECT tenant_id, kind, ref, due_at FROM placet.work_due_take_v1($1, $2, $3)",
        kind,
        limit,
        lease_seconds,
    )
    return [WorkDue(**dict(row)) for row in rows]
