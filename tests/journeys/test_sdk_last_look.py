"""The last look before a tool is begun: at the lease, the grant, its keys, and the session."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk, Serving, open_desk
from tests.journeys.test_sdk_away import HASTY, LateClock, open_statuses, refunding
from tests.journeys.test_sdk_once import REFUND, Meddling
from tests.studio.story import Story

from placet.evidence.ed25519 import SigningKey
from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable, Refusal
from placet.replay.sessions.refusals import LeaseLost, SessionClosing, SessionKilled
from placet.sdk.errors import GrantRefused, OutcomeUnknown
from placet.sdk.execution import plain_runner, run
from placet.sdk.govern import governed
from placet.sdk.outcomes import Ending
from placet.sdk.permits import obtain
from placet.sdk.sync import Client as SyncClient
from placet.sdk.tool import Tool
from placet.sdk.transport import HttpRequest


class Line:
    """One thread that runs plain tools, and is busy until it is let go on."""

    def __init__(self) -> None:
        """Be busy."""
        self.pool = ThreadPoolExecutor(1)
        self.go_on = threading.Event()
        self.is_asked = asyncio.Event()
        self.pool.submit(self.go_on.wait, 20)

    async def run(self, plain: Any) -> object:  # noqa: ANN401 -- any callable
        """Put a callable at the end of the line."""
        self.is_asked.set()
        return await asyncio.get_running_loop().run_in_executor(self.pool, plain)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    token = plain_runner.set(made.run)
    yield made
    plain_runner.reset(token)
    made.go_on.set()
    made.pool.shutdown()


def plain_refund(order_id: str, amount_cents: int) -> str:
    """Refund nothing: nobody comes to this."""
    pytest.fail(f"{order_id}: {amount_cents}")


async def test_a_plain_tool_that_waited_for_a_thread_past_the_lease_is_not_begun(
    desk: RefundDesk, network: Network, line: Line
) -> None:
    clock = LateClock()
    async with desk.client(network, clock=clock) as client, client.session(mode=ENFORCE) as session:
        running = asyncio.ensure_future(governed(name="issue_refund")(plain_refund)("ord_1", 7))
        await line.is_asked.wait()
        clock.later = 10.1
        line.go_on.set()
        with pytest.raises(LeaseLost):
            await running
        assert (network.count("/receipts"), await open_statuses(session)) == (1, [])


async def test_a_turns_tool_that_waited_for_a_thread_past_the_lease_was_not_run(
    desk: RefundDesk, network: Network, line: Line
) -> None:
    clock = LateClock()
    async with desk.client(network, clock=clock) as client, client.session(mode=ENFORCE) as session:
        turn = session.run_turn([REFUND], {"issue_refund": plain_refund})
        running = asyncio.ensure_future(turn)
        await line.is_asked.wait()
        clock.later = 10.1
        line.go_on.set()
        assert [outcome.ending for outcome in await running] == [Ending.NOT_RUN]
        assert (network.count("/receipts"), await open_statuses(session)) == (1, [])


async def test_a_turns_tool_that_another_hand_may_hold_is_not_said_to_be_never_begun(
    desk: RefundDesk, network: Network, line: Line
) -> None:
    clock = LateClock()
    async with desk.client(network, clock=clock) as client, client.session(mode=ENFORCE) as session:
        prepared = await session.preflight(offered_tools=["issue_refund"])
        await session.propose(prepared, [REFUND])
        turn = session.run_turn([REFUND], {"issue_refund": plain_refund}, prepared)
        running = asyncio.ensure_future(turn)
        await line.is_asked.wait()
        clock.later = 10.1
        line.go_on.set()
        assert [outcome.ending for outcome in await running] == [Ending.NOT_RUN]
        assert network.count("/receipts") == 0


async def test_a_plain_tool_that_is_cancelled_while_it_waits_for_a_thread_is_never_begun(
    desk: RefundDesk, network: Network, line: Line
) -> None:
    paid: list[str] = []
    async with desk.client(network) as client, client.session(mode=ENFORCE) as session:

        @governed
        def issue_refund(order_id: str, amount_cents: int) -> None:
            paid.append(f"{order_id}: {amount_cents}")

        running = asyncio.ensure_future(issue_refund("ord_1", 7))
        await line.is_asked.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        line.go_on.set()
        await asyncio.get_running_loop().run_in_executor(line.pool, int)
        assert await open_statuses(session) == []
    assert (paid, network.count("/receipts")) == ([], 1)


async def test_a_plain_tool_without_a_grant_is_not_begun_in_a_session_that_was_killed(
    desk: RefundDesk, line: Line
) -> None:
    async with desk.client() as client, client.session() as session:
        running = asyncio.ensure_future(governed(name="issue_refund")(plain_refund)("ord_1", 7))
        await line.is_asked.wait()
        session.lease.lose(SessionKilled(detail="an operator stopped it"))
        line.go_on.set()
        with pytest.raises(SessionKilled):
            await running


async def test_a_permit_ends_with_its_grant(desk: RefundDesk, network: Network) -> None:
    tool = Tool(plain_refund, "issue_refund")
    async with desk.client(network) as client, client.session(mode=ENFORCE) as session:
        permit = await obtain(session, tool.name, tool.arguments(("ord_1", 7), {}))
        assert permit.expires_at is not None
        expired = msgspec.structs.replace(permit, expires_at=client.caller.clock.now())
        with pytest.raises(GrantRefused) as caught:
            await run(session, tool, expired)
        assert caught.value.flaw == "expired"
        assert (network.count("/receipts"), await open_statuses(session)) == (1, [])


def test_an_interrupt_before_a_plain_tool_began_leaves_no_doubt(desk: RefundDesk) -> None:
    tool, ended = Tool(plain_refund, "issue_refund"), threading.Event()
    with SyncClient(desk.url, desk.agent_key) as client, client.session(mode=ENFORCE) as session:

        async def interrupted() -> None:
            permit = await obtain(session.inner, tool.name, tool.arguments(("ord_1", 7), {}))
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            try:
                await asyncio.Event().wait()
            finally:
                with contextlib.suppress(OutcomeUnknown):
                    await run(session.inner, tool, permit)
                ended.set()

        with pytest.raises(KeyboardInterrupt):
            session._loop.run(interrupted())  # noqa: SLF001 -- where the caller waits
        assert ended.wait(60)
        assert session.state(pending=True).pending == []


@pytest.mark.parametrize("environment", [Environment.STAGING, Environment.DEVELOPMENT])
async def test_a_session_that_is_left_gives_no_more_permits(
    service: Serving, story: Story, network: Network, environment: Environment
) -> None:
    desk = await open_desk(service, story, environment)
    paid: list[str] = []
    seen: list[type[Exception]] = []

    def look() -> None:
        try:
            session.check()
        except LeaseLost as fault:
            seen.append(type(fault))

    async with desk.client(network, patience=HASTY) as client:
        async with client.session(mode=ENFORCE) as session:

            @session.governed()
            async def issue_refund(order_id: str, amount_cents: int) -> None:
                paid.append(f"{order_id}: {amount_cents}")

            network.after["lease"] = look
        before = len(network.seen)
        for network.is_down in (False, True):
            with pytest.raises(LeaseLost, match="left"):
                await issue_refund("ord_1", 7)
            with pytest.raises(LeaseLost, match="left"):
                await session.run_turn([REFUND], {"issue_refund": plain_refund})
        assert (paid, seen, network.seen[before:]) == ([], [LeaseLost], [])


async def test_a_session_that_was_left_without_the_service_gives_no_permits_either(
    service: Serving, story: Story, network: Network
) -> None:
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    network.is_down = True
    async with desk.client(network, patience=HASTY) as client:
        async with client.session() as session:
            issue_refund = session.governed("issue_refund")(plain_refund)
        with pytest.raises(LeaseLost, match="left"):
            await issue_refund("ord_1", 7)
        assert session.unguarded == 0


async def test_with_no_keys_at_all_no_grant_is_good(desk: RefundDesk, network: Network) -> None:
    issue_refund, paid = refunding()
    async with (
        desk.client(network, grant_keys=[]) as client,
        client.session(mode=ENFORCE) as session,
    ):
        with pytest.raises(GrantRefused) as caught:
            await issue_refund("ord_1", 7)
        assert (caught.value.flaw, paid) == ("keys", [])
        assert (network.count("/receipts"), await open_statuses(session)) == (1, [])


def _strange_keys(answer: dict[str, Any]) -> None:
    for key in answer["keys"]:
        key["public_key"] = msgspec.to_builtins(SigningKey.generate().public.raw)


@pytest.mark.parametrize("times", [1, 2])
async def test_the_keys_are_asked_for_once_more_before_a_grant_is_refused_for_its_signature(
    desk: RefundDesk, times: int
) -> None:
    line = Meddling(desk.url)
    line.answers["plan"] = [_strange_keys] * times
    issue_refund, paid = refunding()
    async with desk.client(transport=line) as client, client.session(mode=ENFORCE):
        if times == 1:
            await issue_refund("ord_1", 7)
        else:
            with pytest.raises(GrantRefused) as caught:
                await issue_refund("ord_1", 7)
            assert caught.value.flaw == "signature"
    assert (line.seen.count("plan"), len(paid)) == (2, 2 - times)


async def test_keys_of_a_plan_that_was_only_kept_are_not_taken(
    desk: RefundDesk, tmp_path: Path
) -> None:
    async with desk.client(plan_folder=tmp_path) as client, client.session(mode=ENFORCE):
        pass
    line = Meddling(desk.url)

    async def nobody(request: HttpRequest) -> None:
        raise GovernanceUnavailable(detail=f"nobody answers {request.path}")

    line.before["plan"] = nobody
    async with desk.client(transport=line, plan_folder=tmp_path) as client:
        with pytest.raises(GovernanceUnavailable, match="which keys"):
            async with client.session(mode=ENFORCE):
                pytest.fail("nobody said which keys sign grants")


async def test_development_alone_leaves_the_call_open_that_it_could_not_start(
    service: Serving, story: Story, network: Network
) -> None:
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    issue_refund, paid = refunding()

    def cut() -> None:
        network.is_down = True

    async with desk.client(network, patience=HASTY) as client:
        async with client.session(mode=ENFORCE) as session:
            network.after["calls"] = cut
            assert await issue_refund("ord_1", 7) == "rf_1"
            assert (session.unguarded, session.owed) == (1, 0)
        network.is_down = False
        state = await client.state(session.session_id, pending=True)
    assert ([call.status for call in state.pending or []], paid) == (["granted"], ["ord_1"])


@pytest.mark.parametrize("heard_by", ["renewal", "renewal meanwhile", "request"])
async def test_development_alone_runs_nothing_in_a_session_that_it_heard_was_killed(
    service: Serving, story: Story, network: Network, heard_by: str
) -> None:
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    issue_refund, paid = refunding()
    async with (
        desk.client(network, patience=HASTY) as client,
        desk.operator() as operator,
        client.session(mode=ENFORCE) as session,
    ):
        if heard_by == "renewal":
            network.is_down = True
            await issue_refund("ord_1", 7)
            session.lease.lose(SessionKilled(detail="an operator stopped it"))
        elif heard_by == "renewal meanwhile":
            network.is_down = True
            killed = SessionKilled(detail="an operator stopped it")
            network.after["calls"] = lambda: session.lease.lose(killed)
        else:
            await operator.kill(session.session_id, "the customer called")
            with pytest.raises(SessionKilled):
                await issue_refund("ord_1", 7)
            network.is_down = True
        runs = len(paid)
        for _ in range(2):
            with pytest.raises(SessionKilled):
                await issue_refund("ord_2", 7)
        assert (len(paid), session.unguarded) == (runs, runs)


@pytest.mark.parametrize(
    ("said", "is_over"),
    [(SessionKilled, True), (LeaseLost, True), (SessionClosing, False)],
)
async def test_only_a_word_that_ends_the_lease_ends_it_here(
    desk: RefundDesk, said: type[Refusal], *, is_over: bool
) -> None:
    line = Meddling(desk.url)

    async def say(request: HttpRequest) -> None:
        raise said(detail=f"so it is with {request.path}")

    line.before["calls"] = say
    issue_refund, _ = refunding()
    async with desk.client(transport=line) as client, client.session(mode=ENFORCE) as session:
        with pytest.raises(said):
            await issue_refund("ord_1", 7)
        assert session.lease.is_lost is is_over
