"""A session that is left in a hurry, a renewal that goes wrong, and a grant that nobody saw."""

import asyncio
import threading
from functools import partial
from pathlib import Path

import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk, Serving, open_desk
from tests.journeys.test_sdk_away import HASTY, LateClock, open_statuses
from tests.journeys.test_sdk_once import Slow
from tests.studio.story import Story

from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.replay.sessions.refusals import LeaseLost
from placet.sdk.endpoints import ToolCall
from placet.sdk.govern import governed
from placet.sdk.journal import Journal
from placet.sdk.session import Session
from placet.sdk.transport import TransportError


def is_left(session: Session) -> bool:
    try:
        session.check_open()
    except LeaseLost:
        return True
    return False


REFUND = ToolCall(id="c1", name="issue_refund", arguments='{"order_id":"ord_1","amount_cents":7}')


async def test_whoever_is_cancelled_while_leaving_lets_go_of_lease_and_journal(
    desk: RefundDesk, tmp_path: Path
) -> None:
    begun, ends = asyncio.Event(), asyncio.Event()
    entered: list[Session] = []

    @governed
    async def lookup_order(order_id: str) -> str:
        begun.set()
        await ends.wait()
        return order_id

    async with desk.client() as client:

        async def work() -> None:
            async with client.session(mode=ENFORCE, journal=tmp_path) as session:
                entered.append(session)
                await lookup_order("ord_1")

        working = asyncio.ensure_future(work())
        await begun.wait()
        working.cancel()
        (session,) = entered
        while not is_left(session):
            await asyncio.wait([working], timeout=0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert "stopped" in repr(session.attached.renewal)
        # Nobody holds either: another takes the lease without waiting for its end.
        Journal(tmp_path, session.session_id).open().close()
        async with client.session(session.session_id) as again:
            ends.set()
            while session._late:  # noqa: SLF001 -- its tool still ends, and is told of
                await again.state()


async def test_a_renewal_goes_on_after_anything_that_went_wrong(
    desk: RefundDesk, network: Network
) -> None:
    again = threading.Event()

    def breaks() -> None:
        network.after["lease"] = again.set
        message = "not what a transport raises"
        raise RuntimeError(message)

    clock, ttl = LateClock(), 15
    network.after["lease"] = partial(clock.half_a_second_before_the_renewal, ttl)
    async with (
        desk.client(network, clock=clock) as client,
        client.session(mode=ENFORCE, ttl_seconds=ttl),
    ):
        network.after["lease"] = breaks
        assert await asyncio.to_thread(again.wait, 60)


@pytest.mark.parametrize("is_turn", [False, True])
async def test_a_journal_does_not_know_a_fence_under_which_a_tool_ran_for_a_grant_that_was_lost(
    service: Serving, story: Story, network: Network, tmp_path: Path, *, is_turn: bool
) -> None:
    def lost() -> None:
        message = "the answer was lost"
        raise TransportError(message)

    def issue_refund(order_id: str, amount_cents: int) -> str:
        return f"{order_id}: {amount_cents}"

    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    async with desk.client(network, patience=HASTY) as client:
        async with client.session(mode=ENFORCE, journal=tmp_path) as session:
            network.after["proposals" if is_turn else "calls"] = lost
            if is_turn:
                await session.run_turn([REFUND], {"issue_refund": issue_refund})
            else:
                await governed(issue_refund)("ord_1", 7)
            assert (session.unguarded, await open_statuses(session)) == (1, ["granted"])
            session.note_begun(session.means.ids.new())
        async with client.session(session.session_id, journal=tmp_path) as again:
            assert again.taken_over is not None
            assert again.taken_over.never_begun == []
            assert len(again.taken_over.unknown) == 1


async def test_whoever_is_cancelled_while_it_lets_go_gives_the_lease_back_and_is_told(
    desk: RefundDesk, network: Network, tmp_path: Path
) -> None:
    entered: list[Session] = []
    async with desk.client(network) as client:

        async def work() -> None:
            async with client.session(mode=ENFORCE, journal=tmp_path) as session:
                entered.append(session)
                asyncio.get_running_loop().call_soon(working.cancel)

        working = asyncio.ensure_future(work())
        with pytest.raises(asyncio.CancelledError):
            await working
        assert network.count("/lease") == 2
        Journal(tmp_path, entered[0].session_id).open().close()


async def test_a_lease_that_was_lost_is_not_given_back(desk: RefundDesk, network: Network) -> None:
    async with desk.client(network) as client:
        async with client.session(mode=ENFORCE) as session:
            session.lease.lose(LeaseLost(detail="somebody took it"))
        assert network.count("/lease") == 1


async def test_leaving_waits_for_a_tool_until_its_grant_has_run_out_and_no_longer(
    desk: RefundDesk, caplog: pytest.LogCaptureFixture
) -> None:
    slow, clock = Slow(), LateClock()
    async with desk.client(clock=clock) as client:
        async with asyncio.timeout(60), client.session(mode=ENFORCE) as session:
            tool = session.governed("issue_refund")(slow.work)
            running = asyncio.ensure_future(tool("ord_1", 7))
            await slow.has_begun.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            clock.later = 100_000.0
        assert "1 tools still run" in caplog.text
        slow.go_on.set()
        while session._late:  # noqa: SLF001 -- its tool still ends, and is told of
            await client.state(session.session_id)


async def test_whoever_cannot_take_over_holds_no_journal_and_renews_no_lease(
    desk: RefundDesk, network: Network, tmp_path: Path
) -> None:
    def cut() -> None:
        network.is_down = True

    async with desk.client(network, patience=HASTY) as client:
        async with client.session(mode=ENFORCE, journal=tmp_path) as session:
            session.note_begun(session.means.ids.new())
        network.after["lease"] = cut
        again = client.session(session.session_id, journal=tmp_path)
        with pytest.raises(GovernanceUnavailable):
            await again.__aenter__()
        assert "stopped" in repr(again.attached.renewal)
        Journal(tmp_path, session.session_id).open().close()
        network.is_down = False
