"""SQL of lifts."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.authority.lifts.model import Lift
from placet.authority.lifts.tables import LIFT
from placet.events.model import NewEvent
from placet.kernel.ids import ActorId
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing, fields_of

_LIFT = sa.text(
    "SELECT code FROM placet.control_lift_v1("
    ":lift, :actor, :reason, :event, :type, :salt, :body, :vote)"
).bindparams(
    sa.bindparam("lift", type_=sa.Uuid),
    sa.bindparam("actor", type_=sa.Uuid),
    sa.bindparam("event", type_=sa.Uuid),
    sa.bindparam("salt", type_=sa.LargeBinary),
    sa.bindparam("body", type_=sa.LargeBinary),
    sa.bindparam("vote", type_=sa.LargeBinary),
)

_COUNTS = sa.text(
    "SELECT k.key_id FROM placet.authority_person_key AS k"
    " WHERE k.tenant_id = :tenant AND k.actor_id = :actor"
    " AND placet.lift_key_counts_v1(k.key_id, k.actor_id, :set_at)"
).bindparams(
    sa.bindparam("tenant", type_=sa.Uuid),
    sa.bindparam("actor", type_=sa.Uuid),
    sa.bindparam("set_at", type_=sa.DateTime(timezone=True)),
)


async def insert_lift(tx: Writing, lift: Lift) -> bool:
    """Keep somebody's wish to lift a control. Returns whether its id is new to the tenant."""
    added = postgresql.insert(LIFT).values(fields_of(lift)).on_conflict_do_nothing()
    return await tx.change(added) == 1


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


async def list_counting_keys(tx: Reading, who: ActorId, set_at: datetime) -> set[str]:
    """Return which of somebody's keys count for the lifting of what was set at that time."""
    asked = _COUNTS.bindparams(tenant=tx.tenant_id, actor=who, set_at=set_at)
    return {row.key_id for row in await tx.rows(asked)}


async def confirm_lift(
    tx: Writing, lift_id: UUID, reason: str, event: NewEvent, vote: bytes | None = None
) -> str:
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
            vote=vote,
        )
    )
    return str(code)
