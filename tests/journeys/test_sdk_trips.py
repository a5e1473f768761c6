"""How many requests a governed step takes, exactly."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk
from tests.journeys.test_sdk_away import HASTY, open_statuses
from tests.journeys.wire import Wire

from placet.kernel.foreign import Json
from placet.sdk.endpoints import NextRequest
from placet.sdk.errors import NotDone
from placet.sdk.outcomes import Ending, Outcome
from placet.sdk.requests import next_request
from placet.sdk.session import Session
from placet.sdk.turn import Tools

OFFERED = ["lookup_order", "issue_refund"]


@dataclass
class Told:
    """A session, what went over its wire, and what its turns told."""

    session: Session
    wire: Wire
    outcomes: list[list[Outcome]]

    def then(self, outcomes: list[Outcome]) -> NextRequest:
        """Return the request that follows."""
        self.outcomes.append(outcomes)
        messages: list[Json] = [dict(one.message()) for one in outcomes]
        return next_request(messages, "recorded", OFFERED)


@pytest.fixture
async def told(desk: RefundDesk) -> AsyncIterator[Told]:
    wire = Wire(desk.url)
    async with desk.client(transport=wire) as client, client.session(mode=ENFORCE) as session:
        wire.kept.clear()
        yield Told(session, wire, [])


def call(call_id: str, name: str, arguments: str) -> Json:
    return {"id": call_id, "function": {"name": name, "arguments": arguments}}


def look_up(order_id: str) -> str:
    """Return an order's state."""
    return f"{order_id} was delivered"


def refund(order_id: str, amount_cents: int) -> str:
    """Refuse to refund."""
    message = f"{order_id}: {amount_cents}"
    raise NotDone(message)


TOOLS: Tools = {"lookup_order": look_up, "issue_refund": refund}
TURN: list[Json] = [
    call("c1", "lookup_order", '{"order_id":"ord_1"}'),
    call("c2", "issue_refund", '{"order_id":"ord_1","amount_cents":7}'),
    call("c3", "drop_table", "{}"),
]


async def test_a_single_call_takes_two_requests_and_a_third_only_where_it_must_be_started(
    told: Told,
) -> None:
    await told.session.governed("lookup_order")(look_up)("ord_1")
    assert told.wire.posts() == ["calls", "receipts"]
    told.wire.kept.clear()
    with pytest.raises(NotDone):
        await told.session.governed("issue_refund")(refund)("ord_1", 7)
    assert told.wire.posts() == ["calls", "start", "receipts"]


async def test_the_last_receipt_of_a_step_prepares_the_request_after_it(told: Told) -> None:
    prepared = await told.session.preflight(offered_tools=OFFERED, model="recorded")
    for _ in range(2):
        told.wire.kept.clear()
        step = await told.session.run_step(TURN, TOOLS, prepared, then=told.then)
        assert told.wire.posts() == ["proposals", "receipts", "start", "receipts"]
        assert step.prepared is not None
        assert (step.prepared.tools, step.outcomes) == (OFFERED, told.outcomes.pop())
        assert step.prepared.request_hash == told.then(step.outcomes).request_hash
        told.outcomes.clear()
        prepared = step.prepared
    assert [one.ending for one in step.outcomes] == [
        Ending.SUCCEEDED,
        Ending.FAILED,
        Ending.BLOCKED,
    ]
    assert [one.tool_call_id for one in step.outcomes] == ["c1", "c2", "c3"]
    assert await open_statuses(told.session) == []


async def test_a_step_in_which_nothing_runs_prepares_by_itself(told: Told) -> None:
    step = await told.session.run_step(TURN[2:], TOOLS, then=told.then)
    assert told.wire.posts() == ["preflight", "proposals", "preflight"]
    assert step.prepared is not None
    assert step.prepared.request_hash == told.then(step.outcomes).request_hash


async def test_a_step_whose_last_call_cannot_be_run_prepares_by_itself(told: Told) -> None:
    step = await told.session.run_step(TURN[:2], {"lookup_order": look_up}, then=told.then)
    assert [one.ending for one in step.outcomes] == [Ending.SUCCEEDED, Ending.NOT_RUN]
    assert told.wire.posts() == ["preflight", "proposals", "receipts", "receipts", "preflight"]
    assert step.prepared is not None


@pytest.mark.parametrize("place", [0, 1], ids=["a tool that returned", "a tool that raised"])
async def test_a_receipt_is_sent_also_where_the_program_cannot_make_the_request_after_it(
    told: Told, place: int
) -> None:
    def then(outcomes: list[Outcome]) -> NextRequest:
        raise LookupError(outcomes[-1].ending)

    with pytest.raises(LookupError, match=("succeeded", "failed")[place]):
        await told.session.run_step(TURN[place : place + 1], TOOLS, then=then)
    ((receipt, _),) = told.wire.pairs("/receipts")
    assert (receipt["status"], await open_statuses(told.session)) == (
        ("succeeded", "failed")[place],
        [],
    )


@pytest.mark.parametrize("fails", [False, True])
async def test_the_request_that_follows_is_made_once_whatever_becomes_of_it(
    desk: RefundDesk, network: Network, *, fails: bool
) -> None:
    made: list[list[Outcome]] = []

    def then(outcomes: list[Outcome]) -> NextRequest:
        made.append(outcomes)
        network.is_down = True
        if fails and len(made) == 1:
            raise LookupError
        return next_request([], "recorded", OFFERED)

    async with (
        desk.client(network, patience=HASTY) as client,
        client.session(mode=ENFORCE) as session,
    ):
        if fails:
            with pytest.raises(LookupError):
                await session.run_step(TURN[:1], TOOLS, then=then)
        else:
            step = await session.run_step(TURN[:1], TOOLS, then=then)
            assert (step.prepared, made) == (None, [step.outcomes])
        assert (len(made), session.owed) == (1, 1)
        network.is_down = False
