"""A database that was made with older functions runs those of today once it is upgraded."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from alembic import command
from tests.conftest import PASSWORDS, Server

from placet.kernel.ids import Ids
from placet.storage import migrations
from placet.storage.roles import initialise

FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, p.proowner::regrole::text AS owner, p.proacl,
       pg_get_functiondef(p.oid) AS text
FROM pg_proc AS p WHERE p.pronamespace = 'placet'::regnamespace ORDER BY name
"""
OLDER = """
SET ROLE placet_owner;
CREATE OR REPLACE FUNCTION placet.event_follows_v1() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RETURN NEW; END';
DROP FUNCTION placet.propose_v1;
CREATE FUNCTION placet.propose_v1(p_key_id text) RETURNS text LANGUAGE sql AS 'SELECT p_key_id';
DROP FUNCTION placet.event_leaf_v1
"""


@pytest.fixture
def empty(server: Server, ids: Ids) -> Iterator[str]:
    """A database with roles and a schema, and no table."""
    name = f"placet_older_{ids.new().hex[-8:]}"
    asyncio.run(initialise(server.admin_url, PASSWORDS, database=name))
    yield name
    asyncio.run(server.run(f'DROP DATABASE "{name}" WITH (FORCE)'))


async def look(url: str, first: str = "SELECT 1") -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    await connection.execute(first)
    rows = [tuple(row) for row in await connection.fetch(FUNCTIONS)]
    await connection.close()
    return rows


@pytest.mark.parametrize("before", ["0020", "0026"])
def test_an_upgrade_makes_older_functions_those_of_today(
    server: Server, empty: str, before: str
) -> None:
    url, admin = server.url("placet_migrator", empty), server.admin(empty)
    migrations.upgrade(url)
    today = asyncio.run(look(admin))
    command.downgrade(migrations.config(url), before)
    assert asyncio.run(look(admin, OLDER)) != today
    migrations.upgrade(url)
    assert asyncio.run(look(admin)) == today
