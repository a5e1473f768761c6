"""Questions to the epoch and to lost ranges, and the statements that raise one and close the other.

Raising is the migrator's: it sees every tenant, and becomes the owner for the row of the epoch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from placet.authority.recovery.model import AuthorityRecovery
from placet.authority.recovery.tables import RECOVERY
from placet.events.model import StreamId
from placet.events.tables import EVENT
from placet.storage.database import Database, Reading, Writing
from placet.storage.epoch import READ, EpochSeen, seen

Migrator: TypeAlias = "asyncpg.Connection[Any]"
"""A connection of the role that may change the schema."""

_C: Final = RECOVERY.c
_RAISE: Final = """
UPDATE placet.storage_epoch AS e
SET epoch = $1, system_identifier = h.system_identifier, timeline = h.timeline,
    raised_at = clock_timestamp()
FROM placet.storage_here_v1() AS h
WHERE e.epoch = $2 AND (h.system_identifier, h.timeline) = ($3, $4)
"""
_RANGES: Final = """
INSERT INTO placet.authority_recovery (
    tenant_id, epoch, from_epoch, log_size, witnessed_size, began_at)
SELECT t.tenant_id, $1, $2, coalesce(l.size, 0), w.size, clock_timestamp()
FROM placet.tenancy_tenant AS t
LEFT JOIN placet.evidence_log AS l ON l.tenant_id = t.tenant_id
LEFT JOIN unnest($3::uuid[], $4::bigint[]) AS w(tenant_id, size) ON w.tenant_id = t.tenant_id
"""
_SECONDS: Final = "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint"
_TENANTS: Final = "SELECT tenant_id FROM placet.tenancy_tenant ORDER BY tenant_id"


async def read_epoch(db: Database) -> EpochSeen:
    """Return the epoch and whose it is, and which server this is."""
    return seen(await db.hot.call(READ, reserved=True))


async def list_tenants(migrator: Migrator) -> list[UUID]:
    """Return the ids of all tenants, as the migrator."""
    return [row["tenant_id"] for row in await migrator.fetch(_TENANTS)]


async def read_seconds(migrator: Migrator) -> int:
    """Return the database's time in seconds since 1970."""
    return int(await migrator.fetchval(_SECONDS))


async def raise_epoch(
    migrator: Migrator, was: EpochSeen, to: int, witnessed: Mapping[UUID, int]
) -> bool:
    """Raise the epoch for this server and open every tenant's lost range, or change nothing.

    `witnessed` are the sizes of the newest checkpoints that were kept outside, by tenant. False
    where somebody else has raised it since `was` was read, and where the migrator stands on another
    server than the one that was read.
    """
    async with migrator.transaction():
        await migrator.execute("SET LOCAL ROLE placet_owner")
        here = (was.here_system_identifier, was.here_timeline)
        raised = await migrator.execute(_RAISE, to, was.epoch, *here)
        await migrator.execute("SET LOCAL ROLE NONE")
        if raised != "UPDATE 1":
            return False
        sizes = [witnessed[tenant] for tenant in witnessed]
        await migrator.execute(_RANGES, to, was.epoch, list(witnessed), sizes)
    return True


async def list_recoveries(tx: Reading) -> list[AuthorityRecovery]:
    """Return every lost range of the tenant, the latest first."""
    query = sa.select(RECOVERY).where(_C.tenant_id == tx.tenant_id)
    return await tx.list(AuthorityRecovery, query.order_by(_C.epoch.desc()))


async def is_told(tx: Reading, stream: StreamId, epoch: int) -> bool:
    """Tell whether the raise to this epoch stands in the tenant's stream."""
    query = sa.select(EVENT.c.seq).where(
        EVENT.c.tenant_id == tx.tenant_id,
        EVENT.c.stream_id == stream,
        EVENT.c.type == "Restored",
        EVENT.c.epoch == epoch,
    )
    return bool(await tx.rows(query.limit(1)))


async def close_recoveries(
    tx: Writing, epochs: Sequence[int], reason: str, control_epoch: int
) -> None:
    """Close the lost ranges of these epochs, which are open."""
    change = sa.update(RECOVERY).where(
        _C.tenant_id == tx.tenant_id, _C.epoch.in_(epochs), _C.closed_at.is_(None)
    )
    await tx.change(
        change.values(
            closed_at=sa.func.clock_timestamp(),
            closed_by=tx.actor_id,
            close_reason=reason,
            closed_epoch=control_epoch,
        )
    )
