"""Questions to the epoch and to lost ranges, and the statements that raise one and close the other.

Raising is the migrator's: it sees every tenant, and becomes the owner for the row of the epoch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa

from placet.authority.recovery.model import AuthorityRecovery, CloseRecovery, LostEnd
from placet.authority.recovery.tables import RECOVERY
from placet.kernel.refusals import NotFound
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
# Standing grants that are older than a lost range count no more, by whatever clock they are.
_RANGES: Final = """
INSERT INTO placet.authority_recovery (
    tenant_id, epoch, from_epoch, log_size, witnessed_size, system_identifier, timeline,
    from_system_identifier, from_timeline, began_at, lost_ends)
SELECT t.tenant_id, $1, $2, coalesce(l.size, 0), w.size, $5, $6, $7, $8,
       greatest(clock_timestamp(), s.granted_at),
       coalesce($9::jsonb -> t.tenant_id::text, '[]'::jsonb)
FROM placet.tenancy_tenant AS t
LEFT JOIN placet.evidence_log AS l ON l.tenant_id = t.tenant_id
LEFT JOIN unnest($3::uuid[], $4::bigint[]) AS w(tenant_id, size) ON w.tenant_id = t.tenant_id
LEFT JOIN (
    SELECT g.tenant_id, max(g.granted_at) AS granted_at
    FROM placet.replay_standing_grant AS g GROUP BY g.tenant_id
) AS s ON s.tenant_id = t.tenant_id
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
    migrator: Migrator,
    was: EpochSeen,
    to: int,
    witnessed: Mapping[UUID, int],
    lost_ends: Mapping[UUID, Sequence[LostEnd]],
) -> bool:
    """Raise the epoch for this server and open every tenant's lost range, or change nothing.

    `witnessed` are the sizes of the newest checkpoints that were kept outside, by tenant,
    `lost_ends` what people have to repeat. False
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
        before = (was.system_identifier, was.timeline)
        ends = msgspec.json.encode({str(tenant): lost_ends[tenant] for tenant in lost_ends})
        await migrator.execute(
            _RANGES, to, was.epoch, list(witnessed), sizes, *here, *before, ends.decode()
        )
    return True


async def list_recoveries(tx: Reading) -> list[AuthorityRecovery]:
    """Return every lost range of the tenant, the latest first."""
    query = sa.select(RECOVERY).where(_C.tenant_id == tx.tenant_id)
    return await tx.list(AuthorityRecovery, query.order_by(_C.epoch.desc()))


async def get_recovery(tx: Reading, epoch: int) -> AuthorityRecovery:
    """Return the tenant's lost range of an epoch. Refuses `not_found`."""
    query = sa.select(RECOVERY).where(_C.tenant_id == tx.tenant_id, _C.epoch == epoch)
    found = await tx.find(AuthorityRecovery, query)
    if found is None:
        raise NotFound(detail=f"epoch {epoch} was not raised for this tenant")
    return found


async def note_told(tx: Writing, epoch: int, seq: int) -> None:
    """Note where the raise to this epoch is told of."""
    change = sa.update(RECOVERY).where(
        _C.tenant_id == tx.tenant_id, _C.epoch == epoch, _C.told_seq.is_(None)
    )
    await tx.change(change.values(told_seq=seq))


async def note_lost_ends(tx: Writing, epoch: int, ends: Sequence[LostEnd]) -> None:
    """Note what people have to repeat before the lost range of this epoch is closed."""
    change = sa.update(RECOVERY).where(
        _C.tenant_id == tx.tenant_id, _C.epoch == epoch, _C.closed_at.is_(None)
    )
    await tx.change(change.values(lost_ends=list(ends)))


async def close_recoveries(
    tx: Writing, asked: CloseRecovery, epochs: Sequence[int], control_epoch: int
) -> int:
    """Close those lost ranges of these epochs that are open and may be. Returns how many.

    One may be whose raise is told of, and of which people have repeated every end that was lost.
    """
    change = sa.update(RECOVERY).where(
        _C.tenant_id == tx.tenant_id,
        _C.epoch.in_(epochs),
        _C.closed_at.is_(None),
        # Invariant: nothing is closed of which the evidence does not tell that it was open.
        _C.told_seq.is_not(None),
        sa.or_(sa.literal(asked.is_repeated), sa.func.jsonb_array_length(_C.lost_ends) == 0),
    )
    return await tx.change(
        change.values(
            closed_at=sa.func.clock_timestamp(),
            closed_by=tx.actor_id,
            close_reason=asked.reason,
            closed_epoch=control_epoch,
        )
    )
