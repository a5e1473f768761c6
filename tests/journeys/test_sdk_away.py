"""What becomes of governed tools when answers are lost, leases are taken, or nobody is there."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk, Serving, open_desk
from tests.studio.story import AGENT, Story

from placet.kernel.clock import SystemClock
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable, Unauthenticated
from placet.replay.calls.model import ReceiptStatus
from placet.replay.sessions.refusals import LeaseHeld, LeaseLost, NoAuthority, SessionKilled
from placet.sdk.caller import Ask
from placet.sdk.client import Client
from placet.sdk.endpoints import Settle
from placet.sdk.govern import governed
from placet.sdk.retry import Patience
from placet.sdk.session import Session
from placet.sdk.tool import current_context
from placet.storage.database import Database
from placet.tenancy import service as tenancy
from placet.tenancy.rules import parse_key

HASTY = Patience(total=0.0, attempt=20.0)
"""Nothing is sent again; whoever does answer may be on a slow machine."""
LEASE = 30


class LateClock(SystemClock):
    """This machine's clock, some seconds later."""

    def __init__(self) -> None:
        """Start on time."""
        self.later = 0.0

    def monotonic(self) -> float:
        """Return the monotone time, so much later."""
        return super().monotonic() + self.later

    def half_a_second_before_the_renewal(self, ttl_seconds: float) -> None:
        """Let nearly a third of a lease be over when it is granted.

        Its first renewal comes soon, and of a lease that is long enough to outlast a machine that
        stands still.
        """
        self.later = ttl_seconds / 3 - 0.5


def refunding(
    during: Callable[[], Awaitable[None]] | None = None,
) -> tuple[Callable[[str, int], Awaitable[str]], list[str]]:
    """Return a governed refund and the list of those that it paid; `during` happens inside."""
    paid: list[str] = []

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> str:
        if during is not None:
            await during()
        paid.append(order_id)
        return "rf_1"

    return issue_refund, paid


async def open_statuses(session: Session) -> list[str]:
    """Return where the calls stand that the service still waits for."""
    return [call.status for call in (await session.state(pending=True)).pending or []]


async def test_every_lost_answer_is_asked_for_again_and_the_tool_runs_once(
    desk: RefundDesk, network: Network
) -> None:
    network.loses_first_answers = True
    issue_refund, paid = refunding()
    async with desk.client(network) as client, client.session(mode=ENFORCE) as session:
        assert await issue_refund("ord_1", 100) == "rf_1"
        assert await open_statuses(session) == []
    assert paid == ["ord_1"]
    assert network.count("/calls") == 2
    assert network.count("/start") == 2
    assert network.count("/receipts") == 2


async def test_a_lease_is_renewed_while_the_event_loop_is_blocked(
    desk: RefundDesk, network: Network
) -> None:
    clock = LateClock()
    network.after["lease"] = partial(clock.half_a_second_before_the_renewal, LEASE)
    async with (
        desk.client(network, clock=clock) as client,
        client.session(mode=ENFORCE, ttl_seconds=LEASE) as session,
    ):
        first = session.check()
        while session.lease.term is first and clock.monotonic() < first.ends:
            pass  # this loop stands still
        assert session.check().sent > first.sent
        assert session.fence == first.fence


async def test_nothing_is_begun_after_two_thirds_of_the_lease(
    desk: RefundDesk, network: Network
) -> None:
    clock = LateClock()
    issue_refund, paid = refunding()
    async with desk.client(network, clock=clock) as client, client.session(mode=ENFORCE):
        clock.later = 10.1
        before = len(network.seen)
        with pytest.raises(LeaseLost):
            await issue_refund("ord_1", 100)
        assert network.seen[before:] == []
    assert paid == []


async def test_a_tool_that_has_begun_finishes_and_reports_late_when_its_lease_is_taken(
    desk: RefundDesk,
) -> None:
    async def taken() -> None:
        async with desk.operator() as operator:
            stolen = operator.session(session.session_id, steal_reason="the worker hangs")
            async with stolen:
                assert stolen.fence > fence

    issue_refund, paid = refunding(taken)
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        fence = session.fence
        assert await issue_refund("ord_1", 100) == "rf_1"
        assert session.owed == 0
        with pytest.raises(LeaseLost):
            await issue_refund("ord_2", 100)
    assert paid == ["ord_1"]


async def test_another_holders_lease_is_waited_for_and_given_back_on_leaving(
    desk: RefundDesk,
) -> None:
    async with desk.client() as first, desk.client(patience=HASTY) as second:
        async with first.session(mode=ENFORCE) as session:
            with pytest.raises(LeaseHeld):
                async with second.session(session.session_id):
                    pytest.fail("two held one lease")
        async with second.session(session.session_id) as again:
            assert again.fence > session.lease.term.fence  # type: ignore[union-attr]  # -- it was granted


async def test_a_killed_session_begins_nothing_and_its_running_tool_still_reports(
    desk: RefundDesk, network: Network, ids: Ids
) -> None:
    unconfirmed: list[UUID] = []

    async def killed() -> None:
        context = current_context()
        answer = await operator.kill(session.session_id, "the customer called")
        unconfirmed.extend(answer.unconfirmed)
        assert context is not None
        assert unconfirmed == [context.call_id]

    issue_refund, paid = refunding(killed)
    async with desk.operator() as operator, desk.client(network) as client:
        async with client.session(mode=ENFORCE) as session:
            await issue_refund("ord_1", 100)
            assert (network.count("/receipts"), session.owed) == (1, 0)
            with pytest.raises(SessionKilled):
                await issue_refund("ord_2", 100)
        settled = await operator.settle(
            session.session_id,
            Settle(
                settlement_id=ids.new(),
                call_id=unconfirmed[0],
                outcome=ReceiptStatus.SUCCEEDED,
                reason="the bank's statement shows it",
            ),
        )
    assert settled.commit_state == "committed"
    assert paid == ["ord_1"]


async def test_with_nobody_there_staging_runs_nothing(desk: RefundDesk, network: Network) -> None:
    issue_refund, paid = refunding()
    async with desk.client(network, patience=HASTY) as client:
        async with client.session(mode=ENFORCE) as session:
            network.is_down = True
            with pytest.raises(GovernanceUnavailable):
                await issue_refund("ord_1", 100)
            assert (session.unguarded, session.captured) == (0, 0)
        with pytest.raises(GovernanceUnavailable):
            async with client.session():
                pytest.fail("nobody governs this")
    assert paid == []


async def test_with_nobody_there_development_runs_and_counts(
    service: Serving, story: Story, network: Network
) -> None:
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    issue_refund, paid = refunding()
    async with desk.client(network, patience=HASTY) as client:
        async with client.session(mode=ENFORCE) as session:
            network.is_down = True
            assert await issue_refund("ord_1", 50_001) == "rf_1"
            tries = network.tries
            assert await issue_refund("ord_2", 100) == "rf_1"
            assert (session.unguarded, network.tries) == (2, tries)
        async with client.session() as session:
            assert await issue_refund("ord_3", 100) == "rf_1"
            assert (session.is_attached, session.unguarded) == (False, 1)
    assert paid == ["ord_1", "ord_2", "ord_3"]


async def test_a_stricter_word_of_the_process_counts_where_nobody_is_there(
    service: Serving, story: Story, network: Network
) -> None:
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    network.is_down = True
    async with desk.client(network, patience=HASTY, environment="production") as client:
        with pytest.raises(GovernanceUnavailable):
            async with client.session():
                pytest.fail("nobody governs this")


async def test_a_receipt_that_finds_nobody_is_owed_and_delivered_later(
    desk: RefundDesk, network: Network
) -> None:
    async def cut() -> None:
        network.is_down = True

    issue_refund, _ = refunding(cut)
    async with desk.client(network, patience=HASTY) as client:
        async with client.session(mode=ENFORCE) as session:
            assert await issue_refund("ord_1", 100) == "rf_1"
            assert session.owed == 1
            network.is_down = False
        state = await client.state(session.session_id, pending=True)
    assert (session.owed, state.pending) == (0, [])


async def test_a_receipt_that_is_never_delivered_is_told_in_the_log_by_its_session_alone(
    desk: RefundDesk, network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    async def cut() -> None:
        network.is_down = True

    issue_refund, _ = refunding(cut)
    async with (
        desk.client(network, patience=HASTY) as client,
        client.session(mode=ENFORCE) as session,
    ):
        await issue_refund("ord_1", 100)
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told == [f"1 receipts of session {session.session_id} were not delivered"]


async def test_a_tool_whose_caller_was_cancelled_is_doubtful_until_it_has_ended(
    desk: RefundDesk,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        await go_on.wait()

    issue_refund, paid = refunding(hang)
    async with desk.client() as client:
        async with client.session(mode=ENFORCE) as session:
            running = asyncio.ensure_future(issue_refund("ord_1", 100))
            await begun.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert (await open_statuses(session), paid) == (["unknown"], [])
            go_on.set()
        state = await client.state(session.session_id, pending=True)
    assert (paid, state.pending) == (["ord_1"], [])


async def test_a_plain_tool_that_outlives_its_cancellation_reports_its_end_too(
    desk: RefundDesk, network: Network
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    @governed
    def issue_refund(order_id: str, amount_cents: int) -> str:
        begun.set()
        assert go_on.wait(60)
        return "rf_1"

    async with desk.client(network) as client, client.session(mode=ENFORCE) as session:
        running = asyncio.ensure_future(issue_refund("ord_1", 100))
        await asyncio.to_thread(begun.wait)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await open_statuses(session) == ["unknown"]
        go_on.set()
    assert network.count("/receipts") == 2


async def test_where_nothing_is_approved_development_captures_and_staging_refuses(
    service: Serving, story: Story
) -> None:
    issue_refund, paid = refunding()
    desk = await open_desk(service, story, Environment.DEVELOPMENT, is_approved=False)
    async with desk.client() as client, client.session() as session:
        assert await issue_refund("ord_1", 100) == "rf_1"
        assert (session.captured, session.unguarded) == (1, 0)
    desk = await open_desk(service, story, Environment.STAGING, is_approved=False)
    async with desk.client() as client:
        with pytest.raises(NoAuthority):
            async with client.session():
                pytest.fail("nothing was approved")
    assert paid == ["ord_1"]


async def test_a_key_that_was_never_issued_is_refused_even_in_development(
    service: Serving, desk: RefundDesk
) -> None:
    stranger = desk.agent_key[:-1] + ("A" if desk.agent_key[-1] != "A" else "B")
    async with Client(service.url, stranger, environment="development") as client:
        with pytest.raises(Unauthenticated):
            async with client.session():
                pytest.fail("nobody issued this key")


async def test_a_plan_is_fetched_once_and_shown_from_disk_while_nobody_is_there(
    desk: RefundDesk, network: Network, tmp_path: Path
) -> None:
    async with desk.client(network, patience=HASTY, plan_folder=tmp_path) as client:
        first = await client.plan(AGENT, "staging")
        assert await client.plan(AGENT, "staging") == first
        assert [status for _, _, status in network.seen] == [200, 304]
    network.is_down = True
    async with desk.client(network, patience=HASTY, plan_folder=tmp_path) as client:
        kept = await client.plan(AGENT, "staging")
    assert (kept.plan, kept.is_fresh) == (first.plan, False)


async def test_who_waits_for_a_plan_in_a_loop_does_not_ask_without_end(
    desk: RefundDesk, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.plans.lookups.service.WAITS_MAX", 0)
    monkeypatch.setattr("placet.sdk.plan.PACE_SECONDS", 0.2)
    async with desk.client(network) as client:
        began = asyncio.get_running_loop().time()
        for _ in range(4):
            await client.plan(AGENT, "staging", wait_seconds=30)
        assert [status for _, _, status in network.seen] == [200, 304, 304, 304]
    assert asyncio.get_running_loop().time() - began >= 3 * 0.2


def relax(folder: Path) -> None:
    """Let the plan that is kept in a folder say that unplanned calls are let through."""
    (file,) = folder.glob("plan-*.json")
    said = file.read_text()
    file.write_text(said.replace('"unplanned":"deny"', '"unplanned":"capture"'))
    assert file.read_text() != said


async def test_a_plan_that_was_changed_on_disk_is_never_taken_for_fresh(
    desk: RefundDesk, network: Network, tmp_path: Path
) -> None:
    async with desk.client(network, plan_folder=tmp_path) as client:
        first = await client.plan(AGENT, "staging")
    relax(tmp_path)
    async with desk.client(network, plan_folder=tmp_path) as client:
        again = await client.plan(AGENT, "staging")
    assert (again, again.is_fresh) == (first, True)


@pytest.mark.parametrize("last_answer", ["calls", "start"])
async def test_a_lease_that_runs_low_before_the_tool_begins_gives_the_call_back(
    desk: RefundDesk, network: Network, last_answer: str
) -> None:
    clock = LateClock()
    issue_refund, paid = refunding()

    def run_low() -> None:
        clock.later = 10.1

    async with (
        desk.client(network, clock=clock) as client,
        client.session(mode=ENFORCE) as session,
    ):
        network.after[last_answer] = run_low
        with pytest.raises(LeaseLost):
            await issue_refund("ord_1", 100)
        assert await open_statuses(session) == []
    assert paid == []
    assert network.count("/receipts") == 1


async def test_a_request_whose_answer_was_lost_counts_from_its_first_sending(
    desk: RefundDesk, network: Network
) -> None:
    clock = LateClock()

    def much_later() -> None:
        clock.later = 100.0

    network.loses_first_answers = True
    network.after["me"] = much_later
    began = clock.monotonic()
    async with desk.client(network, clock=clock, patience=Patience(total=200.0)) as client:
        heard = await client.caller.hear(Ask(method="GET", path="/tenancy/me"), Patience(total=200))
    assert network.count("/me") == 2
    assert heard.sent - began < 50
    assert heard.received - began > 100


async def test_a_lease_that_was_waited_for_counts_from_the_request_that_got_it(
    desk: RefundDesk, network: Network
) -> None:
    refused = asyncio.Event()
    async with desk.client() as first, desk.client(network) as second:
        async with first.session(mode=ENFORCE) as session:
            network.after["lease"] = refused.set
            waiting = second.session(session.session_id, wait_seconds=20)
            entering = asyncio.ensure_future(waiting.__aenter__())
            await refused.wait()
            freed = second.caller.clock.monotonic()
        await entering
        assert waiting.check().sent >= freed
        assert network.count("/lease") >= 2
        with pytest.raises(RuntimeError, match="entered"):
            await waiting.__aenter__()
        await waiting.__aexit__(None, None, None)


async def test_a_lease_that_nobody_renewed_because_nobody_was_there_is_development_alone(
    service: Serving, story: Story, network: Network
) -> None:
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    issue_refund, paid = refunding()
    clock, tried = LateClock(), threading.Event()
    network.after["lease"] = partial(clock.half_a_second_before_the_renewal, LEASE)
    async with (
        desk.client(network, patience=HASTY, clock=clock) as client,
        client.session(mode=ENFORCE, ttl_seconds=LEASE) as session,
    ):
        network.after["lease"] = tried.set
        network.is_down = True
        assert await asyncio.to_thread(tried.wait, 60)
        while not session.lease.is_unanswered:
            await asyncio.to_thread(tried.wait)
        clock.later = 100.0
        assert await issue_refund("ord_1", 100) == "rf_1"
        assert session.unguarded == 1
    assert paid == ["ord_1"]


async def test_an_owed_receipt_is_delivered_while_the_session_goes_on(
    desk: RefundDesk, network: Network
) -> None:
    async def cut() -> None:
        network.is_down = True

    delivered, clock = threading.Event(), LateClock()
    network.after["lease"] = partial(clock.half_a_second_before_the_renewal, LEASE)
    issue_refund, _ = refunding(cut)
    async with (
        desk.client(network, patience=HASTY, clock=clock) as client,
        client.session(mode=ENFORCE, ttl_seconds=LEASE) as session,
    ):
        assert await issue_refund("ord_1", 100) == "rf_1"
        network.after["receipts"] = delivered.set
        network.is_down = False
        assert await asyncio.to_thread(delivered.wait, 60)
        assert await open_statuses(session) == []


async def test_a_key_that_is_revoked_while_a_tool_runs_takes_nothing_from_the_tools_caller(
    desk: RefundDesk, db: Database, ids: Ids
) -> None:
    async def revoked() -> None:
        parsed = parse_key(desk.agent_key)
        assert parsed is not None
        async with db.writing(desk.workplace.founder) as tx:
            await tenancy.revoke_key(tx, parsed.key_id, ids)

    issue_refund, paid = refunding(revoked)
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        assert await issue_refund("ord_1", 100) == "rf_1"
        assert session.owed == 1
        assert session.attached.outbox.refused == []
        with pytest.raises(Unauthenticated):
            await issue_refund("ord_2", 100)
    assert paid == ["ord_1"]
