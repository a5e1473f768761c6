"""A flood of requests when no ordinary connection is left: each is answered, and soon."""

import asyncio

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.replay.desk import Desk, Worker
from tests.server.test_busy import ask, exhausted

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.server.limits import REQUESTS_MAX
from placet.storage import lending, together
from placet.storage.database import Database

FLOOD = REQUESTS_MAX + 64
WAIT_SECONDS = 2.0
"""So long one waits for a connection here: long enough for a kill on a slow machine."""
STALL_SECONDS = 1.0
"""So long one holds up those behind it here: all of them in turn would take minutes."""
SECONDS_MAX = 30.0


@pytest.fixture
async def desk(
    app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids, workplace: Workplace
) -> Desk:
    """A refund desk on the application of these tests."""
    made = Desk(client, db, ids, workplace)
    await made.approve(app.state[ServerKeys.__name__])
    return made


@pytest.fixture(autouse=True)
def slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everybody wait longer, so that a slow machine is told from a wait."""
    monkeypatch.setattr(lending, "WAIT_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(together, "WAIT_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(together, "STALL_SECONDS", STALL_SECONDS)


@pytest.mark.parametrize("sessions", [1, 8])
async def test_a_flood_is_told_to_come_back_and_keeps_no_kill_waiting(
    app: Litestar,
    desk: Desk,
    client: httpx.AsyncClient,
    impatient: httpx.AsyncClient,
    sessions: int,
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
        desk.client = impatient
        flood = [asyncio.ensure_future(timed(workers[n % sessions])) for n in range(FLOOD)]
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        killed = await desk.kill_tenant()
        before = len(took)
        refused = await asyncio.gather(*flood)
    desk.client = client
    assert killed.status_code == 201
    assert {one.status_code for one in refused} == {503}
    assert {one.json()["code"] for one in refused} == {"too_busy", "governance_unavailable"}
    assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
    assert max(took) < SECONDS_MAX, sorted(took)[::32]
    assert before <= FLOOD - REQUESTS_MAX // 2
    again = await ask(workers[0])
    assert (again.status_code, again.json()["code"]) == (410, "tenant_killed")
