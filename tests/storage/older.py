"""Databases of an earlier revision, with something in them, as an upgrade meets them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import asyncpg
from alembic import command
from tests.conftest import PASSWORDS, Server

from placet.kernel.ids import Ids
from placet.storage import migrations
from placet.storage.roles import initialise


@contextmanager
def database_at(
    server: Server, ids: Ids, revision: str, fill: Callable[[str], Awaitable[None]]
) -> Iterator[str]:
    """Make a database of a revision, fill it as its superuser, and yield its name."""
    name = f"placet_old_{ids.new().hex[-8:]}"
    asyncio.run(initialise(server.admin_url, PASSWORDS, database=name))
    command.upgrade(migrations.config(server.url("placet_migrator", name)), revision)

    async def filled() -> None:
        await fill(server.admin(name))

    asyncio.run(filled())
    yield name
    asyncio.run(server.run(f'DROP DATABASE "{name}" WITH (FORCE)'))


async def run(url: str, statements: str) -> None:
    """Run statements on a connection of their own."""
    connection = await asyncpg.connect(url)
    await connection.execute(statements)
    await connection.close()


async def ask(url: str, query: str) -> list[asyncpg.Record]:
    """Return the rows of a query on a connection of its own."""
    connection = await asyncpg.connect(url)
    rows: list[asyncpg.Record] = await connection.fetch(query)
    await connection.close()
    return rows


async def found(url: str, query: str) -> list[tuple[object, ...]]:
    """Return the rows of a query as plain tuples."""
    return [tuple(row) for row in await ask(url, query)]
