"""When every ordinary connection is taken: told to come back, while what must be heard is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.replay.desk import REQUEST_HASH, Desk, Worker

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import POOL_SIZE, Database


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


async def ask(worker: Worker) -> httpx.Response:
    """Ask for a preflight, which takes an ordinary connection."""
    return await worker.post("preflight", {"request_hash": REQUEST_HASH})


@asynccontextmanager
async def exhausted(app: Litestar) -> AsyncIterator[None]:
    """Take every ordinary connection of the service, as that many slow requests would."""
    lender = app.state[Database.__name__].hot.lender
    taken = [await lender.take() for _ in range(POOL_SIZE)]
    try:
        yield
    finally:
        for connection in taken:
            lender.give(connection)


async def test_with_no_connection_left_a_step_is_told_to_come_back_and_a_kill_still_goes_through(
    app: Litestar, desk: Desk
) -> None:
    worker, doomed = await desk.worker(), await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    told: list[str] = []

    async def answer(what: str, work: Awaitable[httpx.Response]) -> httpx.Response:
        answered = await work
        told.append(what)
        return answered

    async with exhausted(app):
        refused, *heard = await asyncio.gather(
            answer("refused", ask(worker)),
            answer("kill", doomed.post("kill", {"reason": "enough"}, desk.operator_key)),
            answer("renew", worker.lease("renew")),
            answer("receipt", worker.post("receipts", worker.receipt(call))),
        )
    assert [each.status_code for each in heard] == [200, 200, 200]
    assert (refused.status_code, refused.json().get("code")) == (503, "governance_unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert told[-1] == "refused", "the others did not wait for an ordinary connection"
    assert (await worker.prepare())["request_seq"] == 2
