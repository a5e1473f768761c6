"""An agent waits for people without holding a connection, and reads what they said."""

import asyncio
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from tests.replay.asks.people import ESCALATE, HOLD, AskDesk
from tests.replay.desk import Worker

from placet.replay.asks import waiting
from placet.replay.asks.waiting import AskWaits

NOTE = ("note", {"text": "x"})


@pytest.fixture
def waits(app: Litestar) -> AskWaits:
    found = app.state[AskWaits.__name__]
    assert isinstance(found, AskWaits)
    return found


@pytest.fixture(autouse=True)
def only_what_is_told_wakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody look again by the clock within the time of a test."""
    monkeypatch.setattr(waiting, "LOOK_AGAIN_SECONDS", 60.0)


async def polling(
    desk: AskDesk, worker: Worker, call: dict[str, object], waits: AskWaits
) -> "asyncio.Task[httpx.Response]":
    """Return a long poll that has begun to wait."""
    path = f"{worker.path}/calls/{call['call_id']}?wait=30"
    task = asyncio.create_task(desk.get(path))
    while not len(waits) and not task.done():  # noqa: ASYNC110 -- nothing tells that it waits
        await asyncio.sleep(0)
    return task


async def test_a_yes_wakes_who_waits_for_it(desk: AskDesk, waits: AskWaits) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    task = await polling(desk, worker, call, waits)
    async with asyncio.timeout(25):
        await desk.yes(worker, call)
        seen = (await task).json()
    assert (seen["status"], seen["ask"], seen["may_be_claimed"]) == (
        "awaiting_approval",
        "approved",
        True,
    )


async def test_a_rejection_tells_who_waits_why(desk: AskDesk, waits: AskWaits) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    task = await polling(desk, worker, call, waits)
    await desk.vote(worker.session_id, desk.ada, call, decision="reject", reason="not like this")
    async with asyncio.timeout(25):
        seen = (await task).json()
    assert (seen["status"], seen["ask"]) == ("denied", "rejected")
    assert seen["ask_reasons"] == ["not like this"]


async def test_an_approved_call_of_a_whole_response_waits_for_the_other_asks(
    whole_desk: AskDesk,
) -> None:
    desk = whole_desk
    worker = await desk.worker()
    one, two, note = await worker.propose(ESCALATE, HOLD, NOTE)
    await desk.yes(worker, one)
    path = f"{worker.path}/calls/"
    seen = (await desk.get(f"{path}{one['call_id']}")).json()
    assert (seen["ask"], seen["may_be_claimed"]) == ("approved", False)
    await desk.yes(worker, two)
    assert (await desk.get(f"{path}{one['call_id']}")).json()["may_be_claimed"]
    held = (await desk.get(f"{path}{note['call_id']}")).json()
    assert (held["status"], held["ask"], held["may_be_claimed"]) == ("held", None, False)


async def test_everybody_who_waits_is_answered_when_the_service_ends() -> None:
    waits = AskWaits()
    with waits.waiting(UUID(int=1)) as event:
        waits.end()
        assert event is not None
        assert event.is_set()
    with waits.waiting(UUID(int=1)) as event:
        assert event is None
