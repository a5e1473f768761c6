"""A process is killed, and comes back: what it began is never begun again, and nothing is lost."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.journeys.conftest import ENFORCE, Network, RefundDesk
from tests.journeys.test_sdk_away import HASTY, open_statuses, refunding
from tests.journeys.test_sdk_once import LOOKUP, REFUND
from tests.journeys.wire import Wire
from tests.studio.story import Story

from placet.kernel.principal import Environment
from placet.kernel.refusals import Refusal
from placet.kernel.value import Value
from placet.replay.calls.model import ReceiptStatus
from placet.replay.sessions.lease_model import ChangeLease, LeaseAction
from placet.replay.sessions.refusals import LeaseLost, SessionKilled
from placet.sdk.client import Client
from placet.sdk.endpoints import Receipt, Settle
from placet.sdk.errors import CallBlocked, JournalInUse, OutcomeUnknown
from placet.sdk.govern import governed
from placet.sdk.journal import sessions_in
from placet.sdk.session import Session
from placet.sdk.takeover import TakenOver

AGENT = Path(__file__).with_name("killed_agent.py")


class Death(Value, frozen=True):
    """Where an agent dies in a call of a tool, whether its tool has run, and what it leaves."""

    tool: str
    point: str
    has_run: bool = True
    left: str = "delivered"


async def killed(desk: RefundDesk, folder: Path, tool: str, point: str) -> tuple[UUID, list[str]]:
    """Have an agent die at a point of a call; return its session and what its tool had done."""
    effects = folder / "effects"
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(AGENT),
        desk.url,
        str(folder),
        str(effects),
        tool,
        point,
        env=os.environ | {"PLACET_API_KEY": desk.agent_key},
    )
    assert await asyncio.wait_for(child.wait(), 120) == -signal.SIGKILL
    (session_id,) = sessions_in(folder)
    return session_id, effects.read_text().split() if effects.exists() else []


def found_in(session: Session) -> TakenOver:
    assert session.taken_over is not None
    return session.taken_over


DEATHS = [
    Death(tool="issue_refund", point="after calls", has_run=False, left="never_begun"),
    Death(tool="lookup_order", point="after calls", has_run=False, left="never_begun"),
    Death(tool="issue_refund", point="before start", has_run=False, left="never_begun"),
    Death(tool="issue_refund", point="after start", has_run=False, left="unknown"),
    Death(tool="issue_refund", point="in the tool", has_run=False, left="unknown"),
    Death(tool="lookup_order", point="in the tool", has_run=False, left="unknown"),
    Death(tool="issue_refund", point="after the effect", left="unknown"),
    Death(tool="issue_refund", point="before receipts"),
    Death(tool="issue_refund", point="after receipts"),
]


@pytest.mark.parametrize("death", DEATHS, ids=lambda one: f"{one.tool}-{one.point}")
async def test_whoever_comes_back_runs_nothing_twice_and_knows_how_each_call_stands(
    desk: RefundDesk, tmp_path: Path, death: Death
) -> None:
    session_id, effects = await killed(desk, tmp_path, death.tool, death.point)
    assert effects == ["ord_1"] * death.has_run
    left = death.left
    async with desk.client() as client:
        async with client.session(session_id, journal=tmp_path) as session:
            found = found_in(session)
            assert (len(found.never_begun), len(found.unknown), found.delivered) == (
                int(left == "never_begun"),
                int(left == "unknown"),
                int(left == "delivered"),
            )
            assert await open_statuses(session) == ["unknown"] * (left == "unknown")
            if death.tool == "issue_refund":
                await refunds_again(session, is_free=left == "never_begun")
        assert sessions_in(tmp_path) == []


async def refunds_again(session: Session, *, is_free: bool) -> None:
    """Ask for the same effect once more, which is let through only where it never happened."""
    issue_refund, paid = refunding()
    if is_free:
        await issue_refund("ord_1", 7)
    else:
        with pytest.raises(CallBlocked):
            await issue_refund("ord_1", 7)
    assert paid == ["ord_1"] * is_free
    assert session.owed == 0


async def test_a_journal_that_lost_its_end_frees_nothing_whose_grant_was_redeemed(
    desk: RefundDesk, tmp_path: Path
) -> None:
    session_id, _ = await killed(desk, tmp_path, "issue_refund", "after the effect")
    lose_the_end(tmp_path / f"{session_id}.journal")
    async with desk.client() as client, client.session(session_id, journal=tmp_path) as session:
        assert (found_in(session).never_begun, len(found_in(session).unknown)) == ([], 1)
        await refunds_again(session, is_free=False)


def lose_the_end(file: Path) -> None:
    """Put a journal back as it was one record before."""
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


async def test_what_is_owed_to_a_session_that_ended_is_told_all_the_same(
    desk: RefundDesk, tmp_path: Path
) -> None:
    session_id, _ = await killed(desk, tmp_path, "issue_refund", "before receipts")
    wire = Wire(desk.url)
    async with desk.operator() as operator:
        await operator.kill(session_id, "the worker is gone")
    async with desk.client(transport=wire) as client:
        with pytest.raises(SessionKilled):
            async with client.session(session_id, journal=tmp_path):
                pytest.fail("it was killed")
    ((told, answer),) = wire.pairs("/receipts")
    assert (told["status"], answer["late"]) == ("succeeded", True)
    assert sessions_in(tmp_path) == []


async def test_the_journal_of_a_session_that_ended_goes_once_nothing_in_it_is_owed(
    desk: RefundDesk, tmp_path: Path
) -> None:
    async with desk.operator() as operator, desk.client() as client:
        for is_known in (True, False):
            async with client.session(mode=ENFORCE, journal=tmp_path) as session:
                prepared = await session.preflight(offered_tools=["lookup_order"])
                await session.propose(prepared, [LOOKUP])
                if is_known:
                    await operator.kill(session.session_id, "the shift is over")
            assert sessions_in(tmp_path) == [] if is_known else [session.session_id]
        await operator.kill(session.session_id, "the shift is over")
        with pytest.raises(SessionKilled):
            async with client.session(session.session_id, journal=tmp_path):
                pytest.fail("it was killed")
    assert sessions_in(tmp_path) == []


async def test_a_call_that_was_settled_is_open_in_no_journal_any_more(
    desk: RefundDesk, network: Network, tmp_path: Path
) -> None:
    async with (
        desk.client(network) as client,
        client.session(mode=ENFORCE, journal=tmp_path) as session,
    ):
        prepared = await session.preflight(offered_tools=["lookup_order"])
        (call,) = (await session.propose(prepared, [LOOKUP])).calls
        assert session.is_noted(call.call_id)
        receipt = Receipt(
            call_id=call.call_id,
            idempotency_key="k",
            status=ReceiptStatus.UNKNOWN,
            arguments_hash=call.arguments_hash or "",
        )
        # Not by the session, which would note that it was told.
        endpoints = session.means.endpoints
        await endpoints.receipt(session.session_id, None, receipt, session.means.patience)
        receipt = replace(receipt, idempotency_key="l", status=ReceiptStatus.SUCCEEDED)
        told = await endpoints.receipt(session.session_id, None, receipt, session.means.patience)
        settle = Settle(
            settlement_id=session.means.ids.new(),
            call_id=call.call_id,
            outcome=ReceiptStatus.SUCCEEDED,
            reason="it was told",
            receipt_id=told.receipt_id,
        )
        assert (await session.settle(settle)).call_status == "settled"
        assert not session.is_noted(call.call_id)
    assert sessions_in(tmp_path) == []


async def test_the_key_of_another_agent_takes_nothing_from_a_journal(
    desk: RefundDesk, story: Story, tmp_path: Path
) -> None:
    session_id, _ = await killed(desk, tmp_path, "issue_refund", "before receipts")
    _, key = await story.workplace.agent("another-desk", Environment.STAGING)
    async with Client(desk.url, key) as stranger:
        with pytest.raises(Refusal):
            async with stranger.session(session_id, journal=tmp_path):
                pytest.fail("it is another agent's")
    assert sessions_in(tmp_path) == [session_id]
    async with desk.client() as client, client.session(session_id, journal=tmp_path) as session:
        assert found_in(session).delivered == 1
        assert await open_statuses(session) == []


async def test_two_processes_never_hold_one_journal(desk: RefundDesk, tmp_path: Path) -> None:
    async with desk.client() as client, desk.client() as other:
        async with client.session(mode=ENFORCE, journal=tmp_path) as session:
            fence = session.fence
            with pytest.raises(JournalInUse):
                async with other.session(session.session_id, journal=tmp_path):
                    pytest.fail("two held one journal")
            assert session.check().fence == fence
        async with other.session(session.session_id, journal=tmp_path) as again:
            assert found_in(again) == TakenOver()


async def test_a_session_left_in_order_leaves_no_journal_and_one_that_owes_does(
    desk: RefundDesk, network: Network, tmp_path: Path
) -> None:
    async def cut() -> None:
        network.is_down = True

    issue_refund, _ = refunding(cut)
    async with desk.client(network, patience=HASTY) as client:
        async with client.session(mode=ENFORCE, journal=tmp_path) as session:
            await issue_refund("ord_1", 100)
        assert (session.owed, sessions_in(tmp_path)) == (1, [session.session_id])
        network.is_down = False
        async with client.session(session.session_id, journal=tmp_path) as session:
            assert found_in(session).delivered == 1
            assert await open_statuses(session) == []
    assert sessions_in(tmp_path) == []


async def test_nothing_is_begun_that_the_journal_cannot_take(
    desk: RefundDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.sdk.journal.OPEN_MAX", 0)
    issue_refund, paid = refunding()
    async with (
        desk.client() as client,
        client.session(mode=ENFORCE, journal=tmp_path) as session,
    ):
        with pytest.raises(RuntimeError, match="journal"):
            await issue_refund("ord_1", 100)
        assert (paid, await open_statuses(session)) == ([], [])


async def test_what_was_handed_to_the_program_is_taken_for_begun(
    desk: RefundDesk, tmp_path: Path
) -> None:
    async with desk.client() as client:
        async with client.session(mode=ENFORCE, journal=tmp_path) as session:
            prepared = await session.preflight(offered_tools=["lookup_order"])
            (call,) = (await session.propose(prepared, [LOOKUP])).calls
            journal = session.attached.journal
            assert journal is not None
            assert journal.begun() == [call.call_id]
        async with client.session(session.session_id, journal=tmp_path) as session:
            assert found_in(session).unknown == [call.call_id]
            assert await open_statuses(session) == ["unknown"]


async def test_an_end_that_was_told_too_late_is_cited_by_whoever_takes_over(
    desk: RefundDesk, tmp_path: Path
) -> None:
    async def taken() -> None:
        thief = operator.session(first.session_id, steal_reason="it hangs", ttl_seconds=2)
        async with operator, thief:
            pass

    issue_refund, _ = refunding(taken)
    operator = desk.operator()
    async with desk.client() as client:
        async with client.session(mode=ENFORCE) as first:
            await issue_refund("ord_1", 100)
            assert await open_statuses(first) == ["granted"]
        again = client.session(first.session_id, journal=tmp_path, wait_seconds=10)
        async with again as second:
            assert len(found_in(second).settled) == 1
            assert await open_statuses(second) == []


async def test_what_the_present_process_runs_is_not_taken_over_from_itself(
    desk: RefundDesk, tmp_path: Path
) -> None:
    async def look() -> None:
        assert await session.take_over() == TakenOver()

    issue_refund, paid = refunding(look)
    async with (
        desk.client() as client,
        client.session(mode=ENFORCE, journal=tmp_path) as session,
    ):
        await issue_refund("ord_1", 100)
        assert (paid, await open_statuses(session)) == (["ord_1"], [])


async def test_whoever_was_overtaken_says_nothing_of_the_calls_of_the_next_holder(
    desk: RefundDesk,
) -> None:
    async with desk.client() as client, client.session(mode=ENFORCE) as first:
        given_back = ChangeLease(
            action=LeaseAction.RELEASE, holder=first.lease.holder, request_id=first.means.ids.new()
        )
        endpoints = first.means.endpoints
        await endpoints.lease(first.session_id, given_back, first.lease.binding, HASTY)
        async with desk.client() as other, other.session(first.session_id) as second:
            prepared = await second.preflight(offered_tools=["issue_refund"])
            (call,) = (await second.propose(prepared, [REFUND])).calls
            assert await first.take_over() == TakenOver()
            (seen,) = (await second.state(pending=True)).pending or []
            assert (seen.call_id, seen.status, seen.receipts) == (call.call_id, "granted", [])
            await second.start(call.call_id)


async def test_whoever_has_lost_the_lease_says_nothing_of_what_was_left(
    desk: RefundDesk, tmp_path: Path
) -> None:
    async with desk.client() as client:
        async with client.session(mode=ENFORCE, journal=tmp_path) as session:
            prepared = await session.preflight(offered_tools=["lookup_order"])
            await session.propose(prepared, [LOOKUP])
        async with client.session(session.session_id) as session:
            session.lease.lose(LeaseLost(detail="somebody took it"))
            with pytest.raises(LeaseLost):
                await session.take_over()
            assert await open_statuses(session) == ["granted"]


async def test_a_doubtful_end_stays_doubtful_over_a_take_over(
    desk: RefundDesk, tmp_path: Path
) -> None:
    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> None:
        raise OutcomeUnknown(order_id, amount_cents)

    async with desk.client() as client:
        async with client.session(mode=ENFORCE, journal=tmp_path) as session:
            with pytest.raises(OutcomeUnknown):
                await issue_refund("ord_1", 100)
        for _ in range(2):
            async with client.session(session.session_id, journal=tmp_path) as session:
                assert len(found_in(session).unknown) == 1
                assert await open_statuses(session) == ["unknown"]
