"""When every ordinary connection is taken: told to come back, while what must be heard is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.replay.desk import REQUEST_HASH, Desk, Worker

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage import lending, together
from placet.storage.database import POOL_SIZE, Database


@pytest.fixture
async def desk(
    app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids, workplace: Workplace
) -> Desk:
    """A refund desk on the application of these tests."""
    made = Desk(client, db, ids, workplace)
    await made.approve(app.state[ServerKeys.__name__])
    return made


async def ask(worker: Worker) -> httpx.Response:
    """Ask for a preflight, which takes an ordinary connection."""
    return await worker.post("preflight", {"request_hash": REQUEST_HASH})


@asynccontextmanager
async def exhausted(app: Litestar) -> AsyncIterator[None]:
    """Take every ordinary connection of the service, as that many slow requests would."""
    lender = app.state[Database.__name__].hot.lender
    taken: list[object] = []
    try:
        while len(taken) < POOL_SIZE:
            # On a slow machine one may take longer to be opened than anybody waits.
            with suppress(TimeoutError):
                taken.append(await lender.take())
        yield
    finally:
        for connection in taken:
            lender.give(connection)


async def test_with_no_connection_left_a_step_is_told_to_come_back_and_nothing_is_decided(
    app: Litestar, desk: Desk, client: httpx.AsyncClient, impatient: httpx.AsyncClient
) -> None:
    worker = await desk.worker()
    async with exhausted(app):
        desk.client = impatient
        refused = await ask(worker)
    desk.client = client
    assert (refused.status_code, refused.json().get("code")) == (503, "governance_unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await worker.prepare())["request_seq"] == 1


async def test_with_no_connection_left_what_must_be_heard_does_not_wait_for_one(
    app: Litestar, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, doomed = await desk.worker(), await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    monkeypatch.setattr(lending, "WAIT_SECONDS", 60.0)
    monkeypatch.setattr(together, "WAIT_SECONDS", 60.0)
    async with exhausted(app):
        waiting = asyncio.create_task(ask(worker))
        heard = await asyncio.gather(
            doomed.post("kill", {"reason": "enough"}, desk.operator_key),
            worker.lease("renew"),
            worker.post("receipts", worker.receipt(call)),
        )
        assert not waiting.done(), "the others waited for an ordinary connection"
    assert [each.status_code for each in heard] == [200, 200, 200]
    assert (await waiting).json()["request_seq"] == 2


def test_nobody_waits_for_a_connection_for_long() -> None:
    assert lending.WAIT_SECONDS <= together.WAIT_SECONDS <= 0.5
