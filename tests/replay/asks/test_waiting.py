"""An agent waits for people without holding a connection, and reads what they said."""

import asyncio
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from tests.replay.asks.people import ESCALATE, HOLD, AskDesk
from tests.replay.desk import Worker
from tests.replay.passing import Pass, let_time_pass

from placet.replay.asks import waiting
from placet.replay.asks.deciding import ToldCall, ToldStep
from placet.replay.asks.waiting import AskWaits
from placet.replay.calls.model import CallStatus

__all__ = ["let_time_pass"]

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


async def test_one_tenant_leaves_room_for_those_who_wait_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "WAITS_OF_TENANT_MAX", 1)
    waits = AskWaits()
    one, other = UUID(int=1), UUID(int=2)
    with waits.waiting_of(one, UUID(int=3)) as first, waits.waiting_of(one, UUID(int=4)) as second:
        assert (first is not None, second) == (True, None)
        with waits.waiting_of(other, UUID(int=5)) as third:
            assert third is not None
    with waits.waiting_of(one, UUID(int=4)) as again:
        assert again is not None


def test_what_is_remembered_for_claims_is_bounded_by_its_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "TOLD_BYTES_MAX", 10)
    waits = AskWaits()
    places = [(UUID(int=1), UUID(int=n)) for n in range(3)]
    for place in places:
        waits.remember(place, told("x" * 5))
    assert list(waits.told) == places[1:]
    waits.take(places[1])
    waits.remember(places[0], told("x" * 5))
    assert list(waits.told) == [places[2], places[0]]


def told(arguments: str) -> ToldStep:
    call = ToldCall(
        call_id=UUID(int=9),
        ordinal=0,
        tool_call_id="t",
        tool="note",
        arguments=arguments,
        status=CallStatus.AWAITING_APPROVAL,
        counts=False,
    )
    return ToldStep(state_version=1, prepared_request_id=UUID(int=8), approved=[], step=[call])


async def test_an_approved_call_may_not_be_claimed_after_its_deadline(
    desk: AskDesk, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    await desk.yes(worker, call)
    path = f"{worker.path}/calls/{call['call_id']}"
    assert (await desk.get(path)).json()["may_be_claimed"]
    await let_time_pass(worker)
    assert not (await desk.get(path)).json()["may_be_claimed"]
