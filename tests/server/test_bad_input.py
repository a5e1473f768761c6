"""Every bad request gets its typed refusal in time, and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import httpx
import pytest
from tests.conftest import Server
from tests.server.corpus import Case, cases
from tests.server.stored import Stored, looking
from tests.server.world import World

from placet.server.problems import MEDIA_TYPE

SECONDS_MAX: Final = 30.0
CASES: Final = tuple(cases())
ROUTES: Final = {
    route: [case for case in CASES if case.route == route]
    for route in dict.fromkeys(case.route for case in CASES)
}
MEMBERS: Final = frozenset(
    ("type", "title", "status", "detail", "code", "hint", "action", "instance", "request_id")
)


@pytest.fixture(scope="module")
async def stored(server: Server, database_name: str, world: World) -> AsyncIterator[Stored]:
    """Where a test looks at what is stored."""
    connection = await asyncpg.connect(server.admin(database_name))
    yield await looking(connection, world.tenants)
    await connection.close()


async def ask(client: httpx.AsyncClient, world: World, case: Case) -> httpx.Response:
    """Send a case's request."""
    key = world.filled(f"Bearer %{case.key}%" if case.authorization is None else case.authorization)
    headers = [
        (name.encode(), world.filled(value).encode())
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


def wrong_in(answer: httpx.Response, case: Case) -> str:
    """Return what is wrong with the answer to a case, or nothing."""
    problem = answer.json()
    if (answer.status_code, problem.get("code")) != (case.status, case.code):
        return f"is {answer.status_code} {problem}"
    if answer.headers["Content-Type"] != MEDIA_TYPE or not problem.keys() >= MEMBERS:
        return "is no problem document"
    if (problem["status"], problem["request_id"]) != (
        case.status,
        answer.headers["X-Request-ID"],
    ):
        return "tells another status or request id than its head"
    if case.pointer is not None and not problem["errors"][0]["pointer"].startswith(case.pointer):
        return f"points at {problem['errors']}"
    return ""


@pytest.mark.parametrize("route", ROUTES)
async def test_every_bad_request_is_refused_and_stores_nothing(
    client: httpx.AsyncClient, world: World, stored: Stored, route: str
) -> None:
    wrong: dict[str, str] = {}
    for case in ROUTES[route]:
        async with asyncio.timeout(SECONDS_MAX):
            if found := wrong_in(await ask(client, world, case), case):
                wrong[case.name] = found
    assert wrong == {}
    assert await stored.changed() == set()
