"""Which tools end with their caller, and with the lease that they were begun under."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk, Serving
from tests.journeys.test_sdk_away import open_statuses
from tests.journeys.test_sdk_once import Slow
from tests.studio.story import AGENT, LOOKUP, REFUND, Story, contract

from placet.kernel.clock import SystemClock
from placet.kernel.principal import Environment
from placet.replay.sessions.refusals import LeaseLost
from placet.sdk.notes import tell
from placet.sdk.session import Session
from placet.sdk.tool import ToolContext, current_context

SAFE = LOOKUP | {"cancel": "safe"}


@pytest.fixture
async def desk(service: Serving, story: Story) -> RefundDesk:
    """A desk whose lookups may be cancelled, and whose refunds may not."""
    await story.approved(contract(SAFE, REFUND), Environment.STAGING)
    _, key = await story.workplace.agent(AGENT, Environment.STAGING)
    return RefundDesk(service, story.workplace, key)


@pytest.fixture
async def session(desk: RefundDesk, network: Network) -> AsyncIterator[Session]:
    async with desk.client(network) as client, client.session(mode=ENFORCE) as made:
        yield made


def ended(slow: Slow) -> asyncio.Event:
    """Return an event that is set once the tool has ended, however it did."""
    done, work = asyncio.Event(), slow.work

    async def ending(order_id: str, amount_cents: int = 0) -> str:
        try:
            return await work(order_id, amount_cents)
        finally:
            done.set()

    slow.work = ending  # type: ignore[method-assign]  # -- the same tool, and its end is seen
    return done


async def test_a_tool_that_may_be_cancelled_ends_with_its_caller(session: Session) -> None:
    slow = Slow()
    done = ended(slow)
    running = asyncio.ensure_future(session.governed("lookup_order")(slow.work)("ord_1"))
    await slow.has_begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert done.is_set()
    assert await open_statuses(session) == ["unknown"]


async def test_a_tool_that_may_be_cancelled_ends_with_its_lease(
    session: Session, network: Network
) -> None:
    slow = Slow()
    done = ended(slow)
    running = asyncio.ensure_future(session.governed("lookup_order")(slow.work)("ord_1"))
    await slow.has_begun.wait()
    session.lease.lose(LeaseLost(detail="somebody took it"))
    with pytest.raises(LeaseLost):
        await running
    assert (done.is_set(), network.count("/receipts")) == (True, 1)


async def test_a_tool_that_may_not_be_cancelled_goes_on_without_its_lease(
    session: Session, network: Network
) -> None:
    slow = Slow()
    running = asyncio.ensure_future(session.governed("issue_refund")(slow.work)("ord_1", 7))
    await slow.has_begun.wait()
    session.lease.lose(LeaseLost(detail="somebody took it"))
    slow.go_on.set()
    assert (await running, network.count("/receipts")) == ("done", 1)


async def test_a_tool_that_is_cancelled_before_it_began_never_begins(
    session: Session, network: Network
) -> None:
    slow = Slow()
    refund = session.governed("issue_refund")(slow.work)
    running = asyncio.ensure_future(refund("ord_1", 7))
    network.after["start"] = running.cancel  # type: ignore[assignment]  # -- what it returns is of no use
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (slow.began, await open_statuses(session)) == ([], [])


async def test_a_session_is_left_by_whoever_waits_no_longer_than_the_grant_of_its_tool(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow()
    refund = session.governed("issue_refund")(slow.work)
    running = asyncio.ensure_future(refund("ord_1", 7))
    await slow.has_begun.wait()
    late = asyncio.ensure_future(asyncio.Event().wait())
    session.outlive(late, until=SystemClock().now() - timedelta(hours=2))
    slow.go_on.set()
    assert await running == "done"
    await session._wait_for_late()  # noqa: SLF001 -- what leaving waits for
    assert "1 tools still run" in caplog.text
    late.cancel()


async def test_a_plain_function_that_returns_a_coroutine_is_not_cancelled_and_knows_its_call(
    session: Session, network: Network
) -> None:
    slow = Slow()
    seen: list[ToolContext | None] = []

    async def work(order_id: str, amount_cents: int) -> str:
        try:
            return await slow.work(order_id, amount_cents)
        finally:
            seen.append(current_context())
            tell(external_ref="bank-7")

    def decorated(order_id: str, amount_cents: int) -> object:
        return work(order_id, amount_cents)

    running = asyncio.ensure_future(session.governed("issue_refund")(decorated)("ord_1", 7))
    await slow.has_begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await open_statuses(session) == ["unknown"]
    slow.go_on.set()
    while session._late:  # noqa: SLF001 -- its tool still ends, and is told of
        await session.state()
    (context,) = seen
    assert context is not None
    assert (context.tool, network.count("/receipts")) == ("issue_refund", 2)
    assert await open_statuses(session) == []
