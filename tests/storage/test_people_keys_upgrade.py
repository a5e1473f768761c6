"""What counted before keys were let in to each workspace counts after the upgrade."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.conftest import Server
from tests.storage.catalog import TENANT_A, TENANT_B
from tests.storage.older import ask, database_at, run

from placet.kernel.ids import Ids
from placet.storage import migrations

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
    before = BEFORE.format(a=TENANT_A, b=TENANT_B)
    with database_at(server, ids, "0003", lambda url: run(url, before)) as name:
        yield name


def test_every_key_of_an_approver_is_let_in_where_it_counted(server: Server, old: str) -> None:
    migrations.upgrade(server.url("placet_migrator", old))
    kept = asyncio.run(ask(server.admin(old), AFTER))
    assert [(row["tenant_id"], row["key_id"]) for row in kept] == [
        (tenant, str(tenant)) for tenant in (TENANT_A, TENANT_B)
    ]
    assert {row["counts_from"] for row in kept} == {"2026-01-02 00:00:00+00"}
    assert asyncio.run(ask(server.admin(old), UNFORCED)) == []
