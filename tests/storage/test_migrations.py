"""From an empty schema to today's and back, by the way that an operator's database goes."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from tests.conftest import PASSWORDS, Server
from tests.storage import catalog

from placet.kernel.ids import Ids
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage import migrations
from placet.storage.functions import statements
from placet.storage.roles import initialise

LEFT = """
SELECT relname AS name FROM pg_class
WHERE relnamespace = 'placet'::regnamespace AND relname NOT LIKE 'alembic_version%'
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'placet'::regnamespace
"""
FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, pg_get_functiondef(p.oid) AS text
FROM pg_proc AS p WHERE p.pronamespace = $1::regnamespace
"""
FOUNDATIONS = {"placet.tenant()", "placet.refuse_change()"}


@pytest.fixture
def empty(server: Server, ids: Ids) -> Iterator[str]:
    """A database with roles and a schema, and no table."""
    # Alembic runs a loop of its own, so nothing here may run in one.
    name = f"placet_empty_{ids.new().hex[-8:]}"
    asyncio.run(initialise(server.admin_url, PASSWORDS, database=name))
    yield name
    asyncio.run(server.run(f'DROP DATABASE "{name}" WITH (FORCE)'))


async def ask(url: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
    await connection.close()
    return rows


async def look(url: str) -> tuple[Any, ...]:
    """Return all that the catalog says of the schema."""
    connection = await asyncpg.connect(url)
    told = (
        await catalog.columns(connection),
        await catalog.constraints(connection),
        await catalog.indexes(connection),
        await catalog.options(connection),
        {row["name"]: row["text"] for row in await connection.fetch(FUNCTIONS, "placet")},
        await connection.fetch(
            "SELECT relname, relacl, relrowsecurity, relforcerowsecurity FROM pg_class"
            " WHERE relnamespace = 'placet'::regnamespace ORDER BY relname"
        ),
    )
    await connection.close()
    return told


def test_the_way_up_leads_down_to_nothing_and_up_to_the_same(server: Server, empty: str) -> None:
    url = server.url("placet_migrator", empty)
    migrations.upgrade(url)
    first = asyncio.run(look(server.admin(empty)))
    command.downgrade(migrations.config(url), "base")
    assert asyncio.run(ask(server.admin(empty), LEFT)) == []
    migrations.upgrade(url)
    assert asyncio.run(look(server.admin(empty))) == first


def test_every_step_of_the_way_can_be_taken_alone(server: Server, empty: str) -> None:
    config = migrations.config(server.url("placet_migrator", empty))
    script = ScriptDirectory.from_config(config)
    steps = [step.revision for step in script.walk_revisions()][::-1]
    for revision in steps:
        command.upgrade(config, revision)
    [row] = asyncio.run(ask(server.admin(empty), "SELECT version_num FROM placet.alembic_version"))
    assert row["version_num"] == migrations.head() == steps[-1]


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(server: Server, empty: str) -> None:
    url = server.url("placet_migrator", empty)
    migrations.upgrade(url)
    first = asyncio.run(look(server.admin(empty)))
    migrations.upgrade(url)
    assert asyncio.run(look(server.admin(empty))) == first


def test_a_database_of_a_newer_version_is_refused(server: Server, empty: str) -> None:
    url = server.url("placet_migrator", empty)
    migrations.upgrade(url)
    newer = "UPDATE placet.alembic_version SET version_num = '9999'"
    asyncio.run(ask(server.admin(empty), newer))
    with pytest.raises(GovernanceUnavailable, match="9999"):
        migrations.upgrade(url)


async def test_every_function_of_the_database_is_as_its_file_says(
    admin: "asyncpg.Connection[Any]",
) -> None:
    transaction = admin.transaction()
    await transaction.start()
    await admin.execute("CREATE SCHEMA scratch")
    for package, name in sources():
        for statement in statements(package, name):
            head = "CREATE FUNCTION placet."
            assert statement.count(head) == 1, name
            await admin.execute(statement.replace(head, "CREATE FUNCTION scratch."))
    in_files = {
        row["name"].replace("scratch.", "placet."): row["text"].replace(
            "FUNCTION scratch.", "FUNCTION placet."
        )
        for row in await admin.fetch(FUNCTIONS, "scratch")
    }
    await transaction.rollback()
    in_database = {row["name"]: row["text"] for row in await admin.fetch(FUNCTIONS, "placet")}
    assert set(in_database) - set(in_files) == FOUNDATIONS
    assert in_files == {name: in_database[name] for name in in_files}


def sources() -> list[tuple[str, str]]:
    """Return the package and name of every SQL file that a migration has installed, in order."""
    script = ScriptDirectory(str(migrations.location()))
    return [
        source
        for step in [*script.walk_revisions()][::-1]
        for source in getattr(step.module, "SOURCES", [])
    ]
