"""A call is begun once, and nobody says that it was not begun unless that is known."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk
from tests.journeys.test_sdk_away import LateClock, open_statuses, refunding

from placet.kernel.ids import SystemIds
from placet.sdk.answers import Prepared
from placet.sdk.endpoints import ToolCall
from placet.sdk.errors import GrantRefused, OutcomeUnknown
from placet.sdk.outcomes import Ending
from placet.sdk.session import Session
from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport
from placet.sdk.turn import Tools

LOOKUP = ToolCall(id="c1", name="lookup_order", arguments='{"order_id":"ord_1"}')
REFUND = ToolCall(id="c1", name="issue_refund", arguments='{"order_id":"ord_1","amount_cents":7}')
OFFERED = ["lookup_order", "issue_refund"]

Change = Callable[[dict[str, Any]], None]


class Meddling:
    """A line on which somebody adds a request before ours, or changes an answer, by path."""

    def __init__(self, url: str) -> None:
        """Change nothing yet."""
        self.before: dict[str, Callable[[HttpRequest], Awaitable[object]]] = {}
        self.answers: dict[str, list[Change]] = {}
        self.seen: list[str] = []
        self.inner = HttpxTransport(url)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send, with what somebody does before and after."""
        ending = request.path.split("?")[0].rpartition("/")[2]
        if ending in self.before:
            await self.before.pop(ending)(request)
        response = await self.inner.send(request)
        self.seen.append(ending)
        if not self.answers.get(ending):
            return response
        told = msgspec.json.decode(response.body)
        self.answers[ending].pop(0)(told)
        headers = response.headers | {"etag": '"changed"'}
        return msgspec.structs.replace(response, body=msgspec.json.encode(told), headers=headers)

    def another(self) -> HttpxTransport:
        """Return a line on which nobody meddles."""
        return self.inner.another()

    async def close(self) -> None:
        """Close the connection."""
        await self.inner.close()


class Slow:
    """Tools that say that they began, and then wait until they may go on."""

    def __init__(self) -> None:
        """Wait."""
        self.began: list[str] = []
        self.has_begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def work(self, order_id: str, amount_cents: int = 0) -> str:
        """Begin, wait, and end."""
        self.began.append(f"{order_id}:{amount_cents}")
        self.has_begun.set()
        async with asyncio.timeout(60):
            await self.go_on.wait()
        return "done"

    def tools(self) -> Tools:
        """Return both tools of the desk, which do the same."""
        return dict.fromkeys(OFFERED, self.work)


@pytest.fixture
async def session(desk: RefundDesk, network: Network) -> AsyncIterator[Session]:
    async with desk.client(network) as client, client.session(mode=ENFORCE) as made:
        yield made


async def prepare(session: Session) -> Prepared:
    return await session.preflight(offered_tools=OFFERED)


async def test_nothing_is_left_open_by_a_turn_that_is_run_once(session: Session) -> None:
    slow = Slow()
    slow.go_on.set()
    (outcome,) = await session.run_turn([REFUND], slow.tools(), await prepare(session))
    assert (outcome.ending, await open_statuses(session)) == (Ending.SUCCEEDED, [])


@pytest.mark.parametrize("call", [LOOKUP, REFUND])
async def test_a_turn_that_is_run_again_at_once_runs_nothing_and_takes_nothing_back(
    session: Session, network: Network, call: ToolCall
) -> None:
    slow, prepared = Slow(), await prepare(session)
    first = asyncio.ensure_future(session.run_turn([call], slow.tools(), prepared))
    await slow.has_begun.wait()
    (second,) = await session.run_turn([call], slow.tools(), prepared)
    (third,) = await session.run_turn([call], {}, prepared)
    assert (second.ending, third.ending) == (Ending.NOT_RUN, Ending.NOT_RUN)
    assert network.count("/receipts") == 0
    slow.go_on.set()
    assert [outcome.ending for outcome in await first] == [Ending.SUCCEEDED]
    assert (len(slow.began), network.count("/receipts")) == (1, 1)


async def test_a_turn_without_its_tool_takes_back_nothing_that_another_hand_may_hold(
    session: Session, network: Network
) -> None:
    prepared = await prepare(session)
    await session.propose(prepared, [LOOKUP])
    (outcome,) = await session.run_turn([LOOKUP], {}, prepared)
    assert (outcome.ending, network.count("/receipts")) == (Ending.NOT_RUN, 0)
    assert await open_statuses(session) == ["granted"]


async def test_a_turn_without_its_tool_takes_back_nothing_that_another_turn_has_begun(
    session: Session, network: Network
) -> None:
    prepared, first, second = await prepare(session), Slow(), Slow()
    calls = [REFUND, msgspec.structs.replace(LOOKUP, id="c2")]
    one = session.run_turn(calls, {"issue_refund": first.work}, prepared)
    running = [asyncio.ensure_future(one)]
    await first.has_begun.wait()
    other = session.run_turn(calls, {"lookup_order": second.work}, prepared)
    running.append(asyncio.ensure_future(other))
    await second.has_begun.wait()
    first.go_on.set()
    assert [each.ending for each in await running[0]] == [Ending.SUCCEEDED, Ending.NOT_RUN]
    assert network.count("/receipts") == 1
    second.go_on.set()
    assert [each.ending for each in await running[1]] == [Ending.NOT_RUN, Ending.SUCCEEDED]


async def test_a_lease_that_runs_low_takes_back_nothing_that_another_hand_may_hold(
    desk: RefundDesk, network: Network
) -> None:
    clock = LateClock()

    def run_low() -> None:
        clock.later = 10.1

    async with desk.client(network, clock=clock) as client, client.session(mode=ENFORCE) as session:
        prepared = await prepare(session)
        await session.propose(prepared, [LOOKUP])
        network.after["proposals"] = run_low
        (outcome,) = await session.run_turn([LOOKUP], Slow().tools(), prepared)
        assert (outcome.ending, network.count("/receipts")) == (Ending.NOT_RUN, 0)


async def test_a_call_that_was_started_by_hand_is_not_begun_by_a_turn(
    session: Session, network: Network
) -> None:
    slow, prepared = Slow(), await prepare(session)
    proposal = await session.propose(prepared, [REFUND])
    await session.start(proposal.calls[0].call_id)
    (outcome,) = await session.run_turn([REFUND], slow.tools(), prepared)
    assert (outcome.ending, slow.began, network.count("/receipts")) == (Ending.NOT_RUN, [], 0)
    assert network.count("/start") == 1


async def test_a_turn_that_was_decided_by_hand_and_not_begun_may_be_run(session: Session) -> None:
    slow, prepared = Slow(), await prepare(session)
    slow.go_on.set()
    assert not (await session.propose(prepared, [LOOKUP])).replayed
    (outcome,) = await session.run_turn([LOOKUP], slow.tools(), prepared)
    assert outcome.ending is Ending.SUCCEEDED


async def test_a_call_that_somebody_else_started_is_not_said_to_be_never_begun(
    desk: RefundDesk,
) -> None:
    line = Meddling(desk.url)

    async def start_first(request: HttpRequest) -> None:
        body = msgspec.json.encode({"start_id": str(SystemIds().new())})
        response = await line.inner.send(msgspec.structs.replace(request, body=body))
        assert response.status == 200

    line.before["start"] = start_first
    async with desk.client(transport=line) as client, client.session(mode=ENFORCE) as session:
        (outcome,) = await session.run_turn([REFUND], Slow().tools())
        assert (outcome.ending, line.seen.count("receipts")) == (Ending.NOT_RUN, 0)
        assert await open_statuses(session) == ["granted"]


async def test_a_granted_call_whose_grant_does_not_come_is_not_said_to_be_never_begun(
    desk: RefundDesk,
) -> None:
    def lose_grant(answer: dict[str, Any]) -> None:
        answer["calls"][0]["grant"] = None

    line = Meddling(desk.url)
    line.answers["calls"] = [lose_grant]
    issue_refund, paid = refunding()
    async with desk.client(transport=line) as client, client.session(mode=ENFORCE) as session:
        with pytest.raises(GrantRefused) as caught:
            await issue_refund("ord_1", 100)
        assert (caught.value.flaw, paid) == ("missing", [])
        assert (line.seen.count("receipts"), await open_statuses(session)) == (0, ["granted"])


async def test_a_doubtful_end_stays_doubtful_when_the_turn_is_run_again(session: Session) -> None:
    async def issue_refund(order_id: str, amount_cents: int) -> None:
        message = f"{order_id}: {amount_cents}"
        raise OutcomeUnknown(message)

    prepared = await prepare(session)
    tools: Tools = {"issue_refund": issue_refund}
    endings = [(await session.run_turn([REFUND], tools, prepared))[0].ending for _ in range(2)]
    assert endings == [Ending.UNKNOWN, Ending.NOT_RUN]
    assert await open_statuses(session) == ["unknown"]


async def test_a_grave_tool_that_raises_is_in_doubt_also_where_verdicts_are_only_reported(
    desk: RefundDesk,
) -> None:
    def fail(order_id: str, amount_cents: int = 0) -> None:
        message = f"{order_id}: {amount_cents}"
        raise ValueError(message)

    calls = [REFUND, msgspec.structs.replace(LOOKUP, id="c2")]
    async with desk.client() as client, client.session() as session:
        outcomes = await session.run_turn(calls, dict.fromkeys(OFFERED, fail))
    assert [outcome.ending for outcome in outcomes] == [Ending.UNKNOWN, Ending.FAILED]


async def test_a_cancelled_turn_gives_back_the_calls_that_it_did_not_come_to(
    session: Session, network: Network
) -> None:
    slow = Slow()
    later = [
        ToolCall(id="c2", name="issue_refund", arguments='{"order_id":"ord_2","amount_cents":7}'),
        ToolCall(id="c3", name="issue_refund", arguments='{"order_id":"ord_3","amount_cents":0}'),
        ToolCall(id="c4", name="lookup_order", arguments='{"order_id":"ord_4"}'),
    ]
    turn = asyncio.ensure_future(session.run_turn([REFUND, *later], slow.tools()))
    await slow.has_begun.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert (slow.began, await open_statuses(session)) == (["ord_1:7"], ["unknown"])
    assert network.count("/receipts") == 3
    slow.go_on.set()
    (again,) = await session.run_turn([later[0]], slow.tools())
    assert again.ending is Ending.SUCCEEDED


async def test_a_turn_that_is_cancelled_twice_gives_back_no_less(
    desk: RefundDesk, network: Network
) -> None:
    slow = Slow()
    orders = ["ord_1", "ord_2", "ord_3", "ord_4"]
    calls = [
        ToolCall(id=order, name="lookup_order", arguments=f'{{"order_id":"{order}"}}')
        for order in orders
    ]

    def cancel_again() -> None:
        turn.cancel()

    def at_the_second() -> None:
        network.after["receipts"] = cancel_again

    async with desk.client(network) as client:
        async with client.session(mode=ENFORCE) as session:
            turn = asyncio.ensure_future(session.run_turn(calls, slow.tools()))
            await slow.has_begun.wait()
            network.after["receipts"] = at_the_second
            turn.cancel()
            with pytest.raises(asyncio.CancelledError):
                await turn
            slow.go_on.set()
        state = await client.state(session.session_id, pending=True)
    assert (slow.began, state.pending) == (["ord_1:0"], [])


async def test_an_answer_that_was_lost_once_is_still_ours_to_give_back(
    session: Session, network: Network
) -> None:
    network.loses_first_answers = True
    (outcome,) = await session.run_turn([REFUND], {})
    assert (outcome.ending, await open_statuses(session)) == (Ending.NOT_RUN, [])


async def test_a_turn_that_is_cancelled_before_its_tool_gives_the_call_back(
    desk: RefundDesk,
) -> None:
    line, slow = Meddling(desk.url), Slow()

    async def cancel(request: HttpRequest) -> None:
        assert request.method == "POST"
        turn.cancel()
        await asyncio.Event().wait()

    line.before["start"] = cancel
    async with desk.client(transport=line) as client, client.session(mode=ENFORCE) as session:
        turn = asyncio.ensure_future(session.run_turn([REFUND], slow.tools()))
        with pytest.raises(asyncio.CancelledError):
            await turn
        assert (slow.began, await open_statuses(session)) == ([], [])
        assert line.seen.count("receipts") == 1


async def test_a_turn_that_is_cancelled_while_it_is_decided_gives_back_what_it_was_granted(
    desk: RefundDesk, network: Network
) -> None:
    slow = Slow()

    def cancel() -> None:
        turn.cancel()

    async with desk.client(network) as client:
        async with client.session(mode=ENFORCE) as session:
            network.after["proposals"] = cancel
            turn = asyncio.ensure_future(session.run_turn([REFUND], slow.tools()))
            with pytest.raises(asyncio.CancelledError):
                await turn
        assert (slow.began, network.count("/proposals"), network.count("/receipts")) == ([], 1, 1)
        assert (await client.state(session.session_id, pending=True)).pending == []
