"""Questions about changes of our own keys, and the rows that are added."""

from datetime import datetime
from typing import Final, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.authority import store as authority
from placet.authority.key_changes.model import ServerKeyEndTold
from placet.authority.key_changes.tables import (
    SERVER_KEY_END,
    SERVER_KEY_END_TOLD,
    SERVER_KEY_ROTATION,
)
from placet.authority.model import ServerKey, ServerKeyEnd, ServerKeyRotation
from placet.storage.database import Reading, Writing, fields_of

_HOLD: Final = sa.text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))")
_HOLD_ALONE: Final = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_NAME: Final = "placet.server_key_ends"

M = TypeVar("M", bound=msgspec.Struct)


async def keep_rotation(tx: Writing, rotation: ServerKeyRotation) -> None:
    """Add a rotation, unless the new key's is there already."""
    await _keep(tx, SERVER_KEY_ROTATION, rotation)


async def list_rotations(tx: Reading) -> list[ServerKeyRotation]:
    """Return every rotation, the oldest first."""
    c = SERVER_KEY_ROTATION.c
    query = sa.select(SERVER_KEY_ROTATION).order_by(c.rotated_at, c.new_key_id)
    return await tx.list(ServerKeyRotation, query)


async def keep_end(tx: Writing, end: ServerKeyEnd) -> None:
    """End a key of ours, unless it has ended already."""
    await _keep(tx, SERVER_KEY_END, end)


async def list_newest_rotations(tx: Reading, each: int) -> list[ServerKeyRotation]:
    """Return the newest rotations, at most so many for `each` purpose, the oldest first."""
    c = SERVER_KEY_ROTATION.c
    newest = (
        sa.func.row_number()
        .over(partition_by=c.purpose, order_by=(c.rotated_at.desc(), c.new_key_id.desc()))
        .label("newest")
    )
    ranked = sa.select(SERVER_KEY_ROTATION, newest).subquery()
    query = sa.select(*(ranked.c[column.name] for column in c)).where(ranked.c.newest <= each)
    return await tx.list(
        ServerKeyRotation, query.order_by(ranked.c.rotated_at, ranked.c.new_key_id)
    )


async def hold_ends(tx: Writing) -> None:
    """Let no key of ours end until this transaction has, which signs with one."""
    await tx.rows(_HOLD.bindparams(name=_NAME))


async def hold_ends_alone(tx: Writing) -> None:
    """Wait for everybody who signs while they hold the ends, and keep them out."""
    await tx.rows(_HOLD_ALONE.bindparams(name=_NAME))


async def is_ended(tx: Reading, key_id: str) -> bool:
    """Tell whether a key of ours has ended."""
    query = sa.select(SERVER_KEY_END).where(SERVER_KEY_END.c.key_id == key_id)
    return await tx.find(ServerKeyEnd, query) is not None


async def list_ends(tx: Reading) -> list[ServerKeyEnd]:
    """Return the end of every key that ended, the oldest first."""
    c = SERVER_KEY_END.c
    return await tx.list(ServerKeyEnd, sa.select(SERVER_KEY_END).order_by(c.ended_at, c.key_id))


async def list_counting(tx: Reading, signed_at: datetime | None = None) -> list[ServerKey]:
    """Return the keys of ours whose signatures count: those that have not ended.

    With `signed_at`, when the database took in what was signed, also those that ended later.
    """
    ends = {end.key_id: end.ended_at for end in await list_ends(tx)}
    listed = await authority.list_server_keys(tx)
    return [
        key
        for key in listed
        if key.key_id not in ends or (signed_at is not None and signed_at < ends[key.key_id])
    ]


async def keep_told(tx: Writing, told: ServerKeyEndTold) -> bool:
    """Note that the tenant is told of a key's end. Returns whether it was not told before."""
    return await _keep(tx, SERVER_KEY_END_TOLD, told) == 1


async def list_told(tx: Reading) -> list[ServerKeyEndTold]:
    """Return which ends of keys the tenant was told of, and where its log stood then."""
    c = SERVER_KEY_END_TOLD.c
    query = sa.select(SERVER_KEY_END_TOLD).where(c.tenant_id == tx.tenant_id)
    return await tx.list(ServerKeyEndTold, query.order_by(c.told_at, c.key_id))


async def _keep(tx: Writing, into: sa.Table, value: msgspec.Struct) -> int:
    return await tx.change(
        postgresql.insert(into).values(fields_of(value)).on_conflict_do_nothing()
    )
