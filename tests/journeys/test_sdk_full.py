"""Where too much is owed nothing is begun, and where tools hang nothing else does."""

import asyncio
import threading
from pathlib import Path

import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk, Serving, open_desk
from tests.journeys.test_sdk_away import HASTY, open_statuses, refunding
from tests.journeys.test_sdk_once import REFUND, Slow
from tests.studio.story import Story

from placet.kernel.principal import Environment
from placet.sdk.errors import OutboxFull
from placet.sdk.outcomes import Ending


async def test_nothing_is_asked_for_or_begun_while_too_much_is_owed_and_all_of_it_arrives(
    desk: RefundDesk, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut() -> None:
        network.is_down = True

    monkeypatch.setattr("placet.sdk.outbox.OWED_MAX", 1)
    first, paid = refunding(cut)
    again, more = refunding()
    async with (
        desk.client(network, patience=HASTY) as client,
        client.session(mode=ENFORCE) as session,
    ):
        prepared = await session.preflight(offered_tools=["issue_refund"])
        assert await first("ord_1", 100) == "rf_1"
        assert (session.owed, paid) == (1, ["ord_1"])
        network.is_down = False
        seen = len(network.seen)
        with pytest.raises(OutboxFull):
            await again("ord_2", 100)
        with pytest.raises(OutboxFull):
            async with session.call("issue_refund", {"order_id": "ord_2", "amount_cents": 7}):
                pytest.fail("its receipt could only be owed")
        with pytest.raises(OutboxFull):
            await session.run_turn([REFUND], {"issue_refund": again}, prepared)
        assert len(network.seen) == seen
        await session.attached.outbox.deliver(session.means.endpoints, HASTY)
        assert (session.owed, await again("ord_2", 100)) == (0, "rf_1")
        assert (more, await open_statuses(session)) == (["ord_2"], [])


async def test_what_runs_takes_a_place_until_it_is_reported(
    desk: RefundDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.sdk.outbox.OWED_MAX", 1)
    slow = Slow()
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        lookup_order = session.governed("lookup_order")(slow.work)
        running = asyncio.ensure_future(lookup_order("ord_1"))
        await slow.has_begun.wait()
        with pytest.raises(OutboxFull):
            await lookup_order("ord_2")
        slow.go_on.set()
        assert await running == "done"
        async with session.call("lookup_order", {"order_id": "ord_3"}):
            with pytest.raises(OutboxFull):
                await lookup_order("ord_4")
        assert await lookup_order("ord_5") == "done"
    assert slow.began == ["ord_1:0", "ord_5:0"]


async def test_a_granted_call_that_finds_no_place_is_given_back_and_does_not_run(
    desk: RefundDesk, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.sdk.outbox.OWED_MAX", 1)
    slow = Slow()
    async with desk.client(network) as client, client.session(mode=ENFORCE) as session:
        outbox, another = session.attached.outbox, session.means.ids.new()

        def fill() -> None:
            outbox.expect(another)

        network.after["proposals"] = fill
        (outcome,) = await session.run_turn([REFUND], slow.tools())
        assert (outcome.ending, slow.began) == (Ending.NOT_RUN, [])
        assert "receipts are owed" in outcome.text
        assert (network.count("/start"), await open_statuses(session)) == (0, [])


async def test_in_development_a_full_outbox_is_no_reason_where_nobody_answers(
    service: Serving, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.sdk.outbox.OWED_MAX", 0)
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    issue_refund, paid = refunding()
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        with pytest.raises(OutboxFull):
            await issue_refund("ord_1", 100)
        session.lease.miss(unanswered=True)
        assert await issue_refund("ord_2", 100) == "rf_1"
        assert (session.unguarded, paid) == (1, ["ord_2"])


async def test_tools_that_hang_keep_no_other_from_being_noted_and_reported_nor_the_end(
    desk: RefundDesk, tmp_path: Path
) -> None:
    go_on = threading.Event()
    loop = asyncio.get_running_loop()
    hanging = [loop.run_in_executor(None, go_on.wait) for _ in range(64)]
    issue_refund, paid = refunding()
    try:
        async with asyncio.timeout(60), desk.client() as client:
            async with client.session(mode=ENFORCE, journal=tmp_path) as session:
                assert await issue_refund("ord_1", 100) == "rf_1"
                assert await open_statuses(session) == []
            async with client.session(session.session_id, journal=tmp_path):
                pass
    finally:
        go_on.set()
        await asyncio.gather(*hanging)
    assert paid == ["ord_1"]
