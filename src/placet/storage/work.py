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
from placet.storage.database import Database, Writing

END_ACTIVATION = "end_activation"
SCAN_DRIFT = "scan_drift"
SNAPSHOT_SESSION = "snapshot_session"
SWEEP_SESSION = "sweep_session"
CLOSE_REQUEST = "close_request"
EXPIRE_APPROVAL = "expire_approval"
FOLLOW_SHADOW = "follow_shadow"
JUDGE_READINESS = "judge_readiness"
LOG_EVENTS = "log_events"


class WorkDue(Value, frozen=True):
    """That `kind` of work is due for the thing `ref` of a tenant."""

    tenant_id: TenantId
    kind: str
    ref: UUID
    due_at: datetime


_PUT = sa.text("SELECT placet.work_due_put_v1(:kind, :ref, :due_at)").bindparams(
    sa.bindparam("ref", type_=sa.Uuid), sa.bindparam("due_at", type_=sa.DateTime(timezone=True))
)
_DONE = sa.text("SELECT placet.work_due_done_v1(:kind, :ref, :taken, :next)").bindparams(
    sa.bindparam("ref", type_=sa.Uuid),
    sa.bindparam("taken", type_=sa.DateTime(timezone=True)),
    sa.bindparam("next", type_=sa.DateTime(timezone=True)),
)

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


async def put_due(tx: Writing, kind: str, ref: UUID, due_at: datetime) -> None:
    """Say that work will be due for a thing of the tenant; of two dates the earlier one stays."""
    await tx.rows(_PUT.bindparams(kind=kind, ref=ref, due_at=due_at))


async def finish_due(tx: Writing, work: WorkDue, next_at: datetime | None = None) -> None:
    """Say that work which was taken is done, or when it is due again.

    A date that somebody put meanwhile is earlier than the one that was taken, and stays.
    """
    await tx.rows(_DONE.bindparams(kind=work.kind, ref=work.ref, taken=work.due_at, next=next_at))
