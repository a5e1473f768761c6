"""The call of the function that puts a control in force."""

from uuid import UUID

import asyncpg
import sqlalchemy as sa

from placet.authority.controls.model import ControlEffect, ControlKind, SetControl
from placet.authority.controls.tables import CONTROL
from placet.events.model import NewEvent
from placet.storage.database import HotPool, Reading

_SET = "SELECT * FROM placet.control_set_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"


async def set_control(  # noqa: PLR0913, PLR0917 -- one argument per part of one statement
    hot: HotPool,
    key_id: str,
    secret_hash: bytes,
    control_id: UUID,
    asked: SetControl,
    event: NewEvent,
) -> asyncpg.Record:
    """Put a control in force through the gate, in one round trip of the reserved connections."""
    return await hot.call(
        _SET,
        key_id,
        secret_hash,
        control_id,
        asked.kind.value,
        "",
        asked.effect.value,
        asked.reason,
        event.event_id,
        event.type,
        event.salt,
        event.body,
        reserved=True,
    )


async def is_tenant_killed(tx: Reading) -> bool:
    """Tell whether a kill of the whole tenant is in force."""
    found = await tx.rows(
        sa.select(CONTROL.c.control_id)
        .where(
            CONTROL.c.tenant_id == tx.tenant_id,
            CONTROL.c.kind == ControlKind.TENANT,
            CONTROL.c.effect == ControlEffect.KILL,
            CONTROL.c.lifted_epoch.is_(None),
        )
        .limit(1)
    )
    return bool(found)
