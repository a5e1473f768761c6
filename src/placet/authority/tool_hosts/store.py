"""Questions about tool hosts, and the rows that are added."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.authority.tool_hosts.model import ToolHost, ToolHostRevocation
from placet.authority.tool_hosts.tables import TOOL_HOST, TOOL_HOST_REVOCATION
from placet.kernel.principal import Environment
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing, fields_of


async def insert_host(tx: Writing, host: ToolHost) -> bool:
    """Add a registration. Returns whether the key is new to the tenant."""
    added = postgresql.insert(TOOL_HOST).values(fields_of(host)).on_conflict_do_nothing()
    return await tx.change(added) == 1


async def get_host(tx: Reading, host_id: UUID) -> ToolHost:
    """Return a registration, revoked or not. Refuses `not_found`."""
    found = await tx.find(
        ToolHost,
        sa.select(TOOL_HOST).where(
            TOOL_HOST.c.tenant_id == tx.tenant_id, TOOL_HOST.c.host_id == host_id
        ),
    )
    if found is None:
        raise NotFound(detail="there is no such thing here")
    return found


async def list_keys(tx: Reading) -> list[ToolHost]:
    """Return every registration, revoked ones too, the first ones first."""
    return await tx.list(
        ToolHost,
        sa.select(TOOL_HOST)
        .where(TOOL_HOST.c.tenant_id == tx.tenant_id)
        .order_by(TOOL_HOST.c.host_id),
    )


async def list_hosts(tx: Reading, *, before: UUID | None, limit: int) -> list[ToolHost]:
    """Return registrations, revoked ones too, the latest ids first, those before this id."""
    query = sa.select(TOOL_HOST).where(TOOL_HOST.c.tenant_id == tx.tenant_id)
    if before is not None:
        query = query.where(TOOL_HOST.c.host_id < before)
    return await tx.list(ToolHost, query.order_by(TOOL_HOST.c.host_id.desc()).limit(limit))


async def list_live_hosts(tx: Reading, environment: Environment) -> list[ToolHost]:
    """Return the registrations of an environment that count now."""
    ended = sa.select(TOOL_HOST_REVOCATION.c.host_id).where(
        TOOL_HOST_REVOCATION.c.tenant_id == TOOL_HOST.c.tenant_id,
        TOOL_HOST_REVOCATION.c.host_id == TOOL_HOST.c.host_id,
    )
    query = sa.select(TOOL_HOST).where(
        TOOL_HOST.c.tenant_id == tx.tenant_id,
        TOOL_HOST.c.environment == environment,
        ~ended.exists(),
    )
    return await tx.list(ToolHost, query.order_by(TOOL_HOST.c.host_id))


async def insert_revocation(tx: Writing, revocation: ToolHostRevocation) -> bool:
    """End a registration. Returns False if it had ended before."""
    ended = postgresql.insert(TOOL_HOST_REVOCATION).values(fields_of(revocation))
    return await tx.change(ended.on_conflict_do_nothing()) == 1


async def list_revocations(tx: Reading, host_ids: list[UUID]) -> dict[UUID, ToolHostRevocation]:
    """Return the ends of these registrations, by registration; none for those that count."""
    found = await tx.list(
        ToolHostRevocation,
        sa.select(TOOL_HOST_REVOCATION).where(
            TOOL_HOST_REVOCATION.c.tenant_id == tx.tenant_id,
            TOOL_HOST_REVOCATION.c.host_id.in_(host_ids),
        ),
    )
    return {one.host_id: one for one in found}


_ATTESTS = sa.text(
    "SELECT placet.host_attests_v1(:tenant, :environment, :tool, :key_id) AS counts"
).bindparams(sa.bindparam("tenant", type_=sa.Uuid))


async def is_attesting(tx: Reading, environment: Environment, tool: str, key_id: str) -> bool:
    """Tell whether this key's word on calls of that tool counts there now."""
    ((counts,),) = await tx.rows(
        _ATTESTS.bindparams(
            tenant=tx.tenant_id, environment=environment.value, tool=tool, key_id=key_id
        )
    )
    return bool(counts)
