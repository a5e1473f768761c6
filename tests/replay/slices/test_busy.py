"""What another session holds decides nothing while it is in use: who needs it waits for it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import asyncpg
import httpx
import pytest
from tests.conftest import Server
from tests.replay.desk import Desk, Worker
from tests.replay.slices.purse import books, paid, pay, purse
from tests.replay.slices.test_slices import two

LOCK = "SELECT FROM placet.replay_slice WHERE session_id = $1 FOR NO KEY UPDATE"
USE = "UPDATE placet.replay_slice SET held = 0, used = used + held WHERE session_id = $1"
WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
Admin: TypeAlias = "asyncpg.Connection[Any]"


@pytest.fixture
async def busy(server: Server, database_name: str) -> AsyncIterator[Admin]:
    """Return a connection that stands in for another process with a transaction under way."""
    admin = await asyncpg.connect(server.admin(database_name))
    transaction = admin.transaction()
    await transaction.start()
    yield admin
    await admin.close()


async def while_busy(busy: Admin, worker: Worker, amount: int) -> httpx.Response:
    """Return what became of a payment that waited for what the other transaction used."""
    asked = asyncio.ensure_future(worker.try_propose(pay(amount)))
    while not asked.done() and not await busy.fetchval(WAITS):
        pass
    assert not asked.done(), asked.result().text
    await busy.execute("COMMIT")
    return await asked


async def test_what_fits_is_granted_once_the_slice_that_holds_it_is_free(
    desk: Desk, busy: Admin
) -> None:
    one, other = await two(desk, purse({"lte": 100}, {"lte": 100, "window_seconds": 3600}))
    assert await paid(one, 1) == ["allow"]
    assert (await books(desk))["paid_0"] == (1, 12)
    await busy.execute(LOCK, one.session_id)
    answered = await while_busy(busy, other, 95)
    assert answered.json()["calls"][0]["verdict"] == "allow", answered.text
    assert await books(desk) == {"paid_0": (96, 0), "paid_1": (96, 0)}


async def test_what_fits_no_more_once_the_slice_is_free_is_denied(desk: Desk, busy: Admin) -> None:
    one, other = await two(desk, purse({"lte": 100}))
    assert await paid(one, 1) == ["allow"]
    await busy.execute(USE, one.session_id)
    (call,) = (await while_busy(busy, other, 95)).json()["calls"]
    assert (call["verdict"], call["layer"]) == ("deny", 9)


async def test_who_waited_long_enough_is_told_that_somebody_else_is_at_it(
    desk: Desk, busy: Admin
) -> None:
    one, other = await two(desk, purse({"lte": 100}))
    assert await paid(one, 1) == ["allow"]
    await busy.execute(LOCK, one.session_id)
    asked = other.proposal(await other.prepare(), pay(95))
    refused = (await other.post("proposals", asked)).json()
    assert (refused["code"], refused["action"]) == ("request_in_progress", "retry_same")
    await busy.execute("ROLLBACK")
    (call,) = (await other.post("proposals", asked)).json()["calls"]
    assert call["verdict"] == "allow"


async def test_who_needs_nothing_of_what_is_in_use_waits_for_nobody(
    desk: Desk, busy: Admin
) -> None:
    one, other = await two(desk, purse({"lte": 100}))
    assert await paid(one, 1) == ["allow"]
    await busy.execute(LOCK, one.session_id)
    assert await paid(other, 87) == ["allow"]
    assert await paid(other, 13) == ["deny"]
