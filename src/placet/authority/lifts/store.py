"""SQL of lifts."""

from uuid import UUID

import sqlalchemy as sa

from placet.authority.lifts.model import Lift
from placet.authority.lifts.tables import LIFT
from placet.events.model import NewEvent
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing

_LIFT = sa.text(
    "SELECT code FROM placet.control_lift_v1(:lift, :actor, :reason, :event, :type, :salt, :body)"
).bindparams(
    sa.bindparam("lift", type_=sa.Uuid),
    sa.bindparam("actor", type_=sa.Uuid),
    sa.bindparam("event", type_=sa.Uuid),
    sa.bindparam("salt", type_=sa.LargeBinary),
    sa.bindparam("body", type_=sa.LargeBinary),
)


async def insert_lift(tx: Writing, lift: Lift) -> None:
    """Keep somebody's wish to lift a control."""
    await tx.insert(LIFT, lift)


async def get_lift(tx: Reading, lift_id: UUID) -> Lift:
    """Return a lift. Refuses `not_found`."""
    found = await tx.find(
        Lift, sa.select(LIFT).where(LIFT.c.tenant_id == tx.tenant_id, LIFT.c.lift_id == lift_id)
    )
    if found is None:
        raise NotFound(detail="there is no such thing here")
    return found


async def list_lifts(
    tx: Reading, control_id: UUID, *, before: UUID | None, limit: int
) -> list[Lift]:
    """Return the lifts that were asked for a control, the latest ids first."""
    query = sa.select(LIFT).where(LIFT.c.tenant_id == tx.tenant_id, LIFT.c.control_id == control_id)
    if before is not None:
        query = query.where(LIFT.c.lift_id < before)
    return await tx.list(Lift, query.order_by(LIFT.c.lift_id.desc()).limit(limit))


async def confirm_lift(tx: Writing, lift_id: UUID, reason: str, event: NewEvent) -> str:
    """Lift the control through the gate. Returns the function's code.

    Comes last in a transaction: it waits for the grants under way, and later ones wait for it.
    """
    ((code,),) = await tx.rows(
        _LIFT.bindparams(
            lift=lift_id,
            actor=tx.actor_id,
            reason=reason,
            event=event.event_id,
            type=event.type,
            salt=event.salt,
            body=event.body,
        )
    )
    return str(code)
