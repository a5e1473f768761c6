"""Questions to the checkpoints of a tenant, and whose log has its turn."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import sqlalchemy as sa

from placet.authority.checkpoints.model import AGE_MAX, ENTRIES_MAX, Checkpoint, Kept, Newest
from placet.authority.checkpoints.tables import CHECKPOINT
from placet.kernel.ids import TenantId
from placet.storage.database import Database, Reading, Writing
from placet.storage.epoch import READ, EpochSeen

_C: Final = CHECKPOINT.c
_READ_EPOCH: Final = sa.text(READ)


async def find_newest(tx: Reading) -> Checkpoint | None:
    """Return the tenant's newest checkpoint, or None before there is one."""
    query = sa.select(CHECKPOINT).where(_C.tenant_id == tx.tenant_id)
    return await tx.find(Checkpoint, query.order_by(_C.epoch.desc(), _C.size.desc()).limit(1))


async def is_signed(tx: Reading, size: int, root: bytes) -> bool:
    """Tell whether a checkpoint of the tenant says that its log of this size had this root."""
    query = sa.select(_C.size).where(_C.tenant_id == tx.tenant_id, _C.size == size, _C.root == root)
    return bool(await tx.rows(query.limit(1)))


async def list_checkpoints(
    tx: Reading, *, before: tuple[int, int] | None, limit: int
) -> list[Checkpoint]:
    """Return checkpoints, the newest first, those before this epoch and size."""
    query = sa.select(CHECKPOINT).where(_C.tenant_id == tx.tenant_id)
    if before is not None:
        query = query.where(sa.tuple_(_C.epoch, _C.size) < _place(before))
    newest_first = query.order_by(_C.epoch.desc(), _C.size.desc())
    return await tx.list(Checkpoint, newest_first.limit(limit))


async def has_kept(tx: Reading, kept: Kept) -> bool:
    """Tell whether the tenant has the very checkpoint that a witness holds."""
    query = sa.select(_C.size).where(
        _C.tenant_id == tx.tenant_id,
        _C.epoch == kept.epoch,
        _C.size == kept.size,
        _C.root == kept.root,
    )
    return bool(await tx.rows(query))


async def list_since(tx: Reading, after: tuple[int, int], limit: int) -> list[Checkpoint]:
    """Return up to `limit` checkpoints behind this epoch and size, in the order of their making."""
    query = sa.select(CHECKPOINT).where(
        _C.tenant_id == tx.tenant_id, sa.tuple_(_C.epoch, _C.size) > _place(after)
    )
    return await tx.list(Checkpoint, query.order_by(_C.epoch, _C.size).limit(limit))


async def list_between(tx: Reading, after: int, to: int) -> list[Checkpoint]:
    """Return the checkpoints of a log of more than `after` entries and at most `to`, by size."""
    query = sa.select(CHECKPOINT).where(
        _C.tenant_id == tx.tenant_id, _C.size > after, _C.size <= to
    )
    return await tx.list(Checkpoint, query.order_by(_C.size, _C.epoch))


async def insert_checkpoint(tx: Writing, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint."""
    await tx.insert(CHECKPOINT, checkpoint)


async def read_epoch(tx: Reading) -> EpochSeen:
    """Return the restore epoch, and which server this is."""
    (row,) = await tx.rows(_READ_EPOCH)
    return EpochSeen(**row._asdict())


async def take_turns(
    db: Database, after: TenantId, *, limit: int, part: int | None = None
) -> list[TenantId]:
    """Return up to `limit` tenants whose log has something to do, by id from behind `after` on.

    With a part of its time: those of which something waits that was written then.
    """
    rows: Sequence[asyncpg.Record] = await db.hot.rows(
        "SELECT t FROM placet.log_turns_v1($1, $2, $3, $4, $5) AS t",
        after,
        limit,
        ENTRIES_MAX,
        int(AGE_MAX.total_seconds()),
        part,
    )
    return [TenantId(row["t"]) for row in rows]


async def list_newest(db: Database) -> list[Newest]:
    """Return which checkpoint is the newest, for every tenant that has one."""
    rows: Sequence[asyncpg.Record] = await db.hot.rows(
        "SELECT tenant_id, epoch, size, root FROM placet.checkpoints_newest_v1()"
    )
    return [Newest(**dict(row)) for row in rows]


def _place(at: tuple[int, int]) -> sa.Tuple:
    epoch, size = at
    return sa.tuple_(sa.literal(epoch, sa.BigInteger), sa.literal(size, sa.BigInteger))
