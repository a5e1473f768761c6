"""Which tenants there are, for what is done next to the database."""

from uuid import UUID

import asyncpg

from placet.storage.faults import translated

_TENANTS = "SELECT tenant_id FROM placet.tenancy_tenant ORDER BY tenant_id"


async def list_tenants(admin_url: str) -> list[UUID]:
    """Return every tenant, asked as a role that sees all of them.

    Refuses `governance_unavailable` where the database cannot be reached.
    """
    with translated():
        connection = await asyncpg.connect(admin_url)
        try:
            # A role that is held to one tenant would be shown none, and nobody would notice.
            await connection.execute("SET row_security = off")
            return [row["tenant_id"] for row in await connection.fetch(_TENANTS)]
        finally:
            await connection.close()
