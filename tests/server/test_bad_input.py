"""Every bad request gets its typed refusal within five seconds, and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import httpx
import pytest
from tests.server.conftest import World
from tests.server.corpus import Case, cases

from placet.server.problems import MEDIA_TYPE

SECONDS_MAX: Final = 5.0
CASES: Final = tuple(cases())
MEMBERS: Final = frozenset(
    ("type", "title", "status", "detail", "code", "hint", "action", "instance", "request_id")
)
_TABLES: Final = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'placet'::regnamespace AND c.relkind = 'r' AND c.relforcerowsecurity
      AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1
"""


class Stored:
    """What is stored for the tenants of the world, looked at past the application."""

    def __init__(self, connection: asyncpg.Connection, world: World, tables: list[str]) -> None:
        """Look through this connection, which is the application's role."""
        self._connection = connection
        self._world = world
        self._last: list[tuple[str, int, int]] = []
        self._query = " UNION ALL ".join(
            f"SELECT '{table}' AS name, count(*) AS rows,"  # noqa: S608 -- the names of our own tables
            f" sum(hashtextextended(t::text, 0)) AS content FROM placet.{table} t"
            for table in tables
        )

    async def begin(self) -> None:
        """Look for the first time."""
        self._last = await self.content()

    async def changed(self) -> set[str]:
        """Return the tables whose rows are not those of the last time that this was asked."""
        before, self._last = self._last, await self.content()
        return {new[0] for old, new in zip(before, self._last, strict=True) if old != new}

    async def content(self) -> list[tuple[str, int, int]]:
        """Return the number of rows and a hash of all of them, of every table of each tenant."""
        found: list[tuple[str, int, int]] = []
        for tenant in self._world.tenants:
            async with self._connection.transaction():
                await self._connection.execute(
                    "SELECT set_config('placet.tenant', $1, true)", str(tenant)
                )
                found += [tuple(row) for row in await self._connection.fetch(self._query)]
        return found


@pytest.fixture(scope="module")
async def stored(database_url: str, world: World) -> AsyncIterator[Stored]:
    """Where a test looks at what is stored."""
    connection = await asyncpg.connect(database_url)
    tables = [row["relname"] for row in await connection.fetch(_TABLES)]
    made = Stored(connection, world, tables)
    await made.begin()
    yield made
    await connection.close()


async def ask(client: httpx.AsyncClient, world: World, case: Case) -> httpx.Response:
    """Send a case's request."""
    key = world.filled(f"Bearer %{case.key}%" if case.authorization is None else case.authorization)
    headers = [
        (name.encode(), value.encode())
        for name, value in case.headers
        if (name, value) != ("Content-Type", "")
    ]
    return await client.request(
        case.method,
        world.filled(case.path),
        headers=[*headers, *([(b"Authorization", key.encode())] if key else [])],
        content=world.filled(case.content.decode("latin-1")).encode("latin-1"),
    )


async def test_a_good_request_is_seen_in_what_is_stored(
    client: httpx.AsyncClient, world: World, stored: Stored
) -> None:
    answer = await client.post(
        "/api/v1/tenancy/actors",
        json={"kind": "person", "name": "Ada"},
        headers=world.bearer("admin") | {"Idempotency-Key": "seen"},
    )
    assert answer.status_code == 201
    assert await stored.changed() >= {"tenancy_actor", "event", "idempotency_answer"}


def test_the_corpus_has_two_hundred_cases_and_none_twice() -> None:
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_bad_request_is_refused_and_stores_nothing(
    client: httpx.AsyncClient, world: World, stored: Stored, case: Case
) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        answer = await ask(client, world, case)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (case.status, case.code), problem
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert problem["status"] == case.status
    assert problem.keys() >= MEMBERS
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    if case.pointer is not None:
        (error,) = problem["errors"]
        assert error["pointer"].startswith(case.pointer)
    assert await stored.changed() == set()
