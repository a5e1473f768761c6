"""Questions about standing grants, and how one is added and ended."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.replay.standing.model import ReplayStandingGrant
from placet.replay.standing.tables import GRANT
from placet.storage.database import Reading, Writing, fields_of

_REVOKE: Final = sa.text("SELECT placet.standing_revoke_v1(:standing, :actor, :reason)").bindparams(
    sa.bindparam("standing", type_=sa.Uuid),
    sa.bindparam("actor", type_=sa.Uuid),
    sa.bindparam("reason", type_=sa.Text),
)


async def insert_grant(tx: Writing, grant: ReplayStandingGrant) -> bool:
    """Put a standing grant in force, with its workspace held.

    Returns False where its id is taken, and where too many are in force.
    """
    fields = fields_of(grant)
    row = sa.select(*(sa.literal(value, GRANT.c[name].type) for name, value in fields.items()))
    room = sa.func.placet.standing_room_v1(grant.agent, grant.environment.value, grant.tool_name)
    added = postgresql.insert(GRANT).from_select(list(fields), row.where(room))
    return await tx.change(added.on_conflict_do_nothing()) == 1


async def is_given(tx: Reading, standing_id: UUID) -> bool:
    """Tell whether there is, or was, a standing grant of this id."""
    query = sa.select(GRANT.c.standing_id).where(
        GRANT.c.tenant_id == tx.tenant_id, GRANT.c.standing_id == standing_id
    )
    return bool(await tx.rows(query))


async def revoke_grant(tx: Writing, standing_id: UUID, reason: str) -> str:
    """End a standing grant. Returns `ok`, `not_found`, or `transition_not_allowed` for an ended."""
    asked = _REVOKE.bindparams(standing=standing_id, actor=tx.actor_id, reason=reason)
    ((code,),) = await tx.rows(asked)
    return str(code)


async def get_grant(tx: Reading, principal: Principal, standing_id: UUID) -> ReplayStandingGrant:
    """Return a standing grant that this key may see. Refuses `not_found` for every other."""
    query = _grants(tx, principal).where(GRANT.c.standing_id == standing_id)
    found = await tx.find(ReplayStandingGrant, query)
    if found is None:
        raise NotFound(detail="there is no such thing here")
    return found


async def list_grants(
    tx: Reading, principal: Principal, *, after: UUID | None, limit: int
) -> list[ReplayStandingGrant]:
    """Return standing grants, ended ones too, by their ids, those after this one."""
    query = _grants(tx, principal)
    if after is not None:
        query = query.where(GRANT.c.standing_id > after)
    return await tx.list(ReplayStandingGrant, query.order_by(GRANT.c.standing_id).limit(limit))


def _grants(tx: Reading, principal: Principal) -> sa.Select[tuple[object, ...]]:
    query = sa.select(GRANT).where(GRANT.c.tenant_id == tx.tenant_id)
    if principal.agent is not None:
        query = query.where(GRANT.c.agent == principal.agent)
    if principal.environment is not None:
        query = query.where(GRANT.c.environment == principal.environment)
    return query
