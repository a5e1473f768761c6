"""A clock that is wrong, a caller that is gone, and a network that repeats and reorders."""

import asyncio
import threading
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk
from tests.journeys.test_sdk_away import open_statuses, refunding
from tests.journeys.test_sdk_once import LOOKUP, REFUND
from tests.journeys.wire import Wire

from placet.kernel.clock import SystemClock
from placet.sdk.errors import ApprovalPending, CallBlocked
from placet.sdk.govern import governed
from placet.sdk.outcomes import Ending
from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport
from placet.sdk.turn import Tools


class WrongClock(SystemClock):
    """A wall clock that is wrong by so much; the monotone one is as good as ever."""

    def __init__(self, wrong_by: timedelta) -> None:
        """Take by how much."""
        self._wrong_by = wrong_by

    def now(self) -> datetime:
        """Return the wrong time."""
        return super().now() + self._wrong_by


def look_up(order_id: str) -> str:
    """Return an order's state."""
    return f"{order_id} was delivered"


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_wall_clock_that_is_an_hour_off_changes_nothing(
    desk: RefundDesk, tmp_path: Path, hours: int
) -> None:
    wire, clock = Wire(desk.url), WrongClock(timedelta(hours=hours))
    issue_refund, _ = refunding()
    async with desk.client(transport=wire, clock=clock) as client:
        async with client.session(mode=ENFORCE, ttl_seconds=9, journal=tmp_path) as session:
            (outcome,) = await session.run_turn([LOOKUP], {"lookup_order": look_up})
            assert outcome.ending is Ending.SUCCEEDED
            assert await issue_refund("ord_1", 7) == "rf_1"
            with pytest.raises(CallBlocked):
                async with session.call("issue_refund", {"order_id": "o", "amount_cents": 0}):
                    pytest.fail("it was blocked")
            with pytest.raises(ApprovalPending) as caught:
                async with session.call("email_customer", {"text": "hello"}):
                    pytest.fail("nobody said yes")
            first = session.check()
            while session.lease.term is first:
                await session.state()
            assert session.check().fence == first.fence
        async with client.session(session.session_id, journal=tmp_path) as session:
            assert await open_statuses(session) == ["awaiting_approval"]
    # What ends by the clock ends by the service's.
    assert caught.value.deadline is not None
    assert abs(caught.value.deadline - SystemClock().now()) < timedelta(minutes=30)
    answers = [answer for _, answer in wire.pairs("/receipts")]
    assert [(one["settled"], one["late"]) for one in answers] == [(True, False)] * 2


class Twice:
    """A network that delivers every request twice, and answers with what came of the second."""

    def __init__(self, url: str) -> None:
        """Lead to the service by a real connection."""
        self._url = url
        self._inner = HttpxTransport(url)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Deliver twice."""
        await self._inner.send(request)
        return await self._inner.send(request)

    def another(self) -> "Twice":
        """Return another line of the same network."""
        return Twice(self._url)

    async def close(self) -> None:
        """Close the connection."""
        await self._inner.close()


async def test_what_is_delivered_twice_happens_once(desk: RefundDesk, tmp_path: Path) -> None:
    issue_refund, paid = refunding()
    ran: list[str] = []

    def noted(order_id: str) -> None:
        ran.append(order_id)

    async with (
        desk.client(transport=Twice(desk.url)) as client,
        client.session(mode=ENFORCE, journal=tmp_path) as session,
    ):
        await issue_refund("ord_1", 100)
        (outcome,) = await session.run_turn([LOOKUP], {"lookup_order": noted})
        assert outcome.ending is Ending.SUCCEEDED
        assert await open_statuses(session) == []
        assert (await session.close()).status == "completed"
    assert (paid, ran) == (["ord_1"], ["ord_1"])


class Holding(Wire):
    """A line on which the first receipt is held until another one has arrived."""

    def __init__(self, url: str) -> None:
        """Hold the first."""
        super().__init__(url)
        self.is_next = asyncio.Event()
        self.arrived = asyncio.Event()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send; the first receipt after the second."""
        is_receipt = request.path.endswith("/receipts")
        if is_receipt and not self.is_next.is_set():
            self.is_next.set()
            await asyncio.wait_for(self.arrived.wait(), 60)
        response = await super().send(request)
        if is_receipt:
            self.arrived.set()
        return response


async def test_receipts_that_overtake_each_other_lead_to_the_end_that_is_true(
    desk: RefundDesk,
) -> None:
    line = Holding(desk.url)
    begun, go_on = threading.Event(), threading.Event()

    @governed
    def issue_refund(order_id: str, amount_cents: int) -> str:
        begun.set()
        assert go_on.wait(60)
        return f"{order_id}: {amount_cents}"

    async with desk.client(transport=line) as client:
        async with client.session(mode=ENFORCE) as session:
            running = asyncio.ensure_future(issue_refund("ord_1", 100))
            await asyncio.to_thread(begun.wait)
            running.cancel()
            await line.is_next.wait()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await running
        state = await client.state(session.session_id, pending=True)
    told = [(asked["status"], answer["settled"]) for asked, answer in line.pairs("/receipts")]
    assert told[0] == ("succeeded", True)
    assert [status for status, _ in told] == ["succeeded", "timed_out"]
    assert state.pending == []


@pytest.mark.parametrize("at", ["calls", "proposals"])
async def test_a_caller_that_is_gone_while_it_asks_gives_back_what_it_is_granted(
    desk: RefundDesk, network: Network, at: str
) -> None:
    issue_refund, paid = refunding()
    async with desk.client(network) as client:
        async with client.session(mode=ENFORCE) as session:
            if at == "calls":
                running = asyncio.ensure_future(issue_refund("ord_1", 7))
            else:
                calls = [REFUND, msgspec.structs.replace(LOOKUP, id="c2")]
                tools: Tools = {"issue_refund": issue_refund, "lookup_order": issue_refund}
                running = asyncio.ensure_future(session.run_turn(calls, tools))  # type: ignore[arg-type]  # -- any task

            def leave() -> None:
                running.cancel()

            network.after[at] = leave
            with pytest.raises(asyncio.CancelledError):
                await running
        state = await client.state(session.session_id, pending=True)
    assert (paid, state.pending) == ([], [])
    assert network.count("/receipts") == (1 if at == "calls" else 2)
