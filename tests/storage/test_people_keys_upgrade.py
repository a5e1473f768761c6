"""What counted before keys were let in to each workspace counts after the upgrade."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from alembic import command
from tests.conftest import PASSWORDS, Server
from tests.storage.catalog import TENANT_A, TENANT_B

from placet.kernel.ids import Ids
from placet.storage import migrations
from placet.storage.roles import initialise

BEFORE = """
SET session_replication_role = replica;
INSERT INTO placet.studio_workspace_approver
    (tenant_id, workspace_id, actor_id, confirmed_by, since)
SELECT t, t, t, '[]', '2026-01-01T00:00:00Z' FROM unnest(ARRAY['{a}', '{b}']::uuid[]) AS t;
INSERT INTO placet.authority_person_key
    (tenant_id, key_id, actor_id, public_key, proof, confirmed_by, enrolled_at)
SELECT t, t::text, t, decode(repeat('00', 32), 'hex'), ''::bytea, '[]', '2026-01-02T00:00:00Z'
FROM unnest(ARRAY['{a}', '{b}']::uuid[]) AS t;
"""
AFTER = """
SELECT tenant_id, workspace_id, actor_id, key_id, counts_from::text AS counts_from
FROM placet.studio_workspace_key ORDER BY tenant_id
"""
UNFORCED = """
SELECT relname FROM pg_class
WHERE relnamespace = 'placet'::regnamespace AND relrowsecurity AND NOT relforcerowsecurity
"""


@pytest.fixture
def old(server: Server, ids: Ids) -> Iterator[str]:
    """A database from before, with an approver and a key in each of two tenants."""
    name = f"placet_old_{ids.new().hex[-8:]}"
    asyncio.run(initialise(server.admin_url, PASSWORDS, database=name))
    command.upgrade(migrations.config(server.url("placet_migrator", name)), "0003")
    asyncio.run(_run(server.admin(name), BEFORE.format(a=TENANT_A, b=TENANT_B)))
    yield name
    asyncio.run(server.run(f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _run(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statements)
    await connection.close()


async def _ask(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    rows: list[asyncpg.Record] = await connection.fetch(query)
    await connection.close()
    return rows


def test_every_key_of_an_approver_is_let_in_where_it_counted(server: Server, old: str) -> None:
    migrations.upgrade(server.url("placet_migrator", old))
    kept = asyncio.run(_ask(server.admin(old), AFTER))
    assert [(row["tenant_id"], row["key_id"]) for row in kept] == [
        (tenant, str(tenant)) for tenant in (TENANT_A, TENANT_B)
    ]
    assert {row["counts_from"] for row in kept} == {"2026-01-02 00:00:00+00"}
    assert asyncio.run(_ask(server.admin(old), UNFORCED)) == []
