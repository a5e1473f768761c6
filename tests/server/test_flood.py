"""A flood of requests when no ordinary connection is left: each is answered, and soon."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.replay.desk import Desk, Worker
from tests.server.test_busy import ask, exhausted

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.server.limits import REQUESTS_MAX
from placet.storage.database import Database

FLOOD = REQUESTS_MAX + 64
SECONDS_MAX = 2.5


@pytest.fixture(scope="module")
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client that takes the first answer, whatever it is."""
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as made:
        yield made


@pytest.fixture
async def desk(
    app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids, workplace: Workplace
) -> Desk:
    """A refund desk on the application of these tests."""
    made = Desk(client, db, ids, workplace)
    await made.approve(app.state[ServerKeys.__name__])
    return made


@pytest.mark.parametrize("sessions", [1, 8])
async def test_a_flood_is_told_to_come_back_and_keeps_no_kill_waiting(
    app: Litestar, desk: Desk, sessions: int
) -> None:
    workers = [await desk.worker(ttl_seconds=60) for _ in range(sessions)]
    loop = asyncio.get_running_loop()
    took: list[float] = []

    async def timed(worker: Worker) -> httpx.Response:
        began = loop.time()
        answered = await ask(worker)
        took.append(loop.time() - began)
        return answered

    async with exhausted(app):
        flood = [asyncio.ensure_future(timed(workers[n % sessions])) for n in range(FLOOD)]
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        began = loop.time()
        killed = await desk.kill_tenant()
        waited = loop.time() - began
        refused = await asyncio.gather(*flood)
    assert killed.status_code == 201
    assert {one.status_code for one in refused} == {503}
    assert {one.json()["code"] for one in refused} == {"too_busy", "governance_unavailable"}
    assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
    assert max(took) < SECONDS_MAX, sorted(took)[::32]
    assert waited < min(took[REQUESTS_MAX // 2 :])
    again = await ask(workers[0])
    assert (again.status_code, again.json()["code"]) == (410, "tenant_killed")
