"""A governed tool waits for a person, who answers with the studio's client."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.journeys.conftest import ASKED, ENFORCE, Network, RefundDesk, Serving
from tests.journeys.test_sdk_away import open_statuses
from tests.studio.story import AGENT, LOOKUP, Signer, Story, contract

from placet.evidence.ask_vote import AskDecision
from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.replay.sessions.refusals import LeaseLost
from placet.sdk.endpoints import NextRequest, ToolCall
from placet.sdk.errors import ApprovalPending, CallBlocked
from placet.sdk.govern import governed
from placet.sdk.outcomes import Ending, Outcome
from placet.sdk.requests import next_request
from placet.sdk.retry import Patience
from placet.sdk.studio.client import Studio
from placet.sdk.turn import Tools
from placet.studio.asks.model import AskShown


@pytest.fixture
async def approver(story: Story) -> Signer:
    return await story.signer()


@pytest.fixture
async def desk(service: Serving, story: Story, approver: Signer) -> RefundDesk:
    """A desk in staging whose approver the test knows."""
    workspace = await story.workspace(approver, environment=Environment.STAGING)
    document = contract(LOOKUP, ASKED, gate="strip_partial")
    _, _, request = await story.asked(workspace, document)
    await story.vote(request, approver)
    _, key = await story.workplace.agent(AGENT, Environment.STAGING)
    return RefundDesk(service, story.workplace, key)


@pytest.fixture
async def studio(desk: RefundDesk, approver: Signer) -> AsyncIterator[Studio]:
    async with Studio(desk.url, approver.api_key) as made:
        yield made


async def answer(
    studio: Studio, approver: Signer, decision: AskDecision, reason: str | None = None
) -> AskShown:
    """Answer the one call that waits, once it does."""
    while True:
        listed = [one async for one in studio.asks.every()]
        if listed:
            shown = [await studio.asks.get(one.session_id, one.call_id) for one in listed]
            await studio.asks.vote(shown, decision, approver.key, reason=reason)
            return shown[0]


sent: list[str] = []


@governed
async def email_customer(text: str) -> str:
    sent.append(text)
    return "sent"


async def edit(studio: Studio, approver: Signer, text: str) -> None:
    """Put other arguments in the place of the one call that waits, and say yes to them."""
    while not (listed := [one async for one in studio.asks.every()]):
        pass
    old = await studio.asks.get(listed[0].session_id, listed[0].call_id)
    new = await studio.asks.edit(old, f'{{"text":"{text}"}}', reason="too loud")
    await studio.asks.vote([new], AskDecision.APPROVE, approver.key)


def send(text: str) -> None:
    sent.append(text)


async def test_what_people_put_in_the_place_of_a_call_is_what_runs(
    desk: RefundDesk, studio: Studio, approver: Signer
) -> None:
    sent.clear()
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        session.approval_seconds = 60
        asked = asyncio.ensure_future(email_customer("HELLO"))
        await edit(studio, approver, "hello")
        assert await asked == "sent"
        function: Json = {"name": "email_customer", "arguments": '{"text":"BYE"}'}
        calls: list[Json] = [{"id": "a", "type": "function", "function": function}]
        turn = asyncio.create_task(session.run_turn(calls, {"email_customer": send}))
        await edit(studio, approver, "bye")
        (outcome,) = await turn
        assert (outcome.ending, outcome.tool_call_id) == (Ending.SUCCEEDED, "a")
        assert (await session.state(pending=True)).pending == []
    assert sent == ["hello", "bye"]


@pytest.mark.parametrize("loses", [False, True], ids=["a good network", "every answer lost once"])
async def test_a_tool_that_people_approve_runs_once(
    desk: RefundDesk, studio: Studio, approver: Signer, network: Network, *, loses: bool
) -> None:
    sent.clear()
    network.loses_first_answers = loses
    async with desk.client(network) as client, client.session(mode=ENFORCE) as session:
        session.approval_seconds = 60
        calling = asyncio.ensure_future(email_customer("hello"))
        shown = await answer(studio, approver, AskDecision.APPROVE)
        assert json.loads(json.loads(shown.view)["arguments"]) == {"text": "hello"}
        assert await calling == "sent"
        assert sent == ["hello"]
        assert (await session.state(pending=True)).pending == []


async def test_a_tool_that_people_reject_is_blocked_in_their_words(
    desk: RefundDesk, studio: Studio, approver: Signer
) -> None:
    sent.clear()
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        session.approval_seconds = 60
        calling = asyncio.ensure_future(email_customer("hello"))
        await answer(studio, approver, AskDecision.REJECT, "too late at night")
        with pytest.raises(CallBlocked, match="people said no: too late at night"):
            await calling
    assert sent == []


async def test_a_turn_runs_what_needs_nobody_before_it_waits(
    desk: RefundDesk, studio: Studio, approver: Signer
) -> None:
    ran: list[str] = []

    def lookup_order(order_id: str) -> str:
        ran.append(order_id)
        return "delivered"

    def email(text: str) -> str:
        ran.append(text)
        return "sent"

    calls: list[Json] = [
        {"id": "a", "type": "function", "function": {"name": name, "arguments": given}}
        for name, given in (("email_customer", '{"text":"x"}'),)
    ]
    calls.append(
        {
            "id": "b",
            "type": "function",
            "function": {"name": "lookup_order", "arguments": '{"order_id":"o1"}'},
        }
    )
    tools = {"email_customer": email, "lookup_order": lookup_order}
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        session.approval_seconds = 60
        turn = asyncio.create_task(session.run_turn(calls, tools))
        await answer(studio, approver, AskDecision.APPROVE)
        outcomes = await turn
    assert [one.ending for one in outcomes] == [Ending.SUCCEEDED, Ending.SUCCEEDED]
    assert [one.tool_call_id for one in outcomes] == ["a", "b"]
    assert ran == ["o1", "x"]


async def test_a_step_that_waited_for_people_prepares_the_request_that_tells_of_all_of_it(
    desk: RefundDesk, studio: Studio, approver: Signer
) -> None:
    told: list[list[Outcome]] = []

    def then(outcomes: list[Outcome]) -> NextRequest:
        told.append(outcomes)
        messages: list[Json] = [dict(one.message()) for one in outcomes]
        return next_request(messages, "recorded", ["lookup_order"])

    def lookup_order(order_id: str) -> str:
        return f"{order_id} was delivered"

    calls = [
        ToolCall(id="a", name="email_customer", arguments='{"text":"x"}'),
        ToolCall(id="b", name="lookup_order", arguments='{"order_id":"o1"}'),
        ToolCall(id="c", name="drop_table", arguments="{}"),
    ]
    tools: Tools = {"email_customer": send, "lookup_order": lookup_order}
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        session.approval_seconds = 60
        turn = asyncio.create_task(session.run_step(calls, tools, then=then))
        await answer(studio, approver, AskDecision.APPROVE)
        step = await turn
    assert [one.tool_call_id for one in step.outcomes] == ["a", "b", "c"]
    assert told == [step.outcomes]
    assert step.prepared is not None
    assert step.prepared.request_hash == then(step.outcomes).request_hash


async def test_whoever_comes_back_goes_on_waiting_and_runs_what_people_approve(
    desk: RefundDesk, studio: Studio, approver: Signer, tmp_path: Path
) -> None:
    sent.clear()

    def send(text: str) -> None:
        sent.append(text)

    tools: Tools = {"email_customer": send}
    async with desk.client() as client:
        async with client.session(mode=ENFORCE, journal=tmp_path) as session:
            for _ in range(2):
                with pytest.raises(ApprovalPending):
                    await email_customer("hello")
        again = client.session(session.session_id, journal=tmp_path)
        async with again as session:
            assert session.taken_over is not None
            assert len(session.taken_over.waiting) == 2
            shown = [
                await studio.asks.get(one.session_id, one.call_id)
                async for one in studio.asks.every()
            ]
            for one, decision in zip(shown, (AskDecision.APPROVE, AskDecision.REJECT), strict=True):
                await studio.asks.vote([one], decision, approver.key, reason="once is enough")
            session.approval_seconds = 60
            resumed = await session.resume(tools)
            assert [one.ending for one in resumed.outcomes] == [Ending.SUCCEEDED]
            assert (sent, (await session.state(pending=True)).pending) == (["hello"], [])
            assert (await session.resume(tools)).outcomes == []


async def test_who_does_not_wait_long_enough_is_told_that_the_call_waits(desk: RefundDesk) -> None:
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        session.approval_seconds = 0.01
        with pytest.raises(ApprovalPending):
            await email_customer("hello")


async def test_a_yes_that_nobody_waits_for_any_more_is_given_back(
    desk: RefundDesk, studio: Studio, approver: Signer, network: Network
) -> None:
    sent.clear()

    def gives_up() -> None:
        calling.cancel()

    network.after["claim"] = gives_up
    async with desk.client(network) as client, client.session(mode=ENFORCE) as session:
        session.approval_seconds = 60
        calling = asyncio.ensure_future(email_customer("hello"))
        await answer(studio, approver, AskDecision.APPROVE)
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert (sent, network.count("/claim"), network.count("/receipts")) == ([], 1, 1)
    async with desk.client() as client, client.session(session.session_id) as session:
        assert await open_statuses(session) == []


@pytest.mark.parametrize("loses", [False, True], ids=["nobody answers", "the lease is lost"])
async def test_a_turn_tells_what_it_did_also_where_it_cannot_wait_for_people(
    desk: RefundDesk, network: Network, *, loses: bool
) -> None:
    ran: list[str] = []

    def lookup_order(order_id: str) -> str:
        ran.append(order_id)
        return "delivered"

    def cut() -> None:
        if loses:
            session.lease.lose(LeaseLost(detail="somebody took it"))
        else:
            network.is_down = True

    tools: Tools = {"email_customer": send, "lookup_order": lookup_order}
    calls = [
        ToolCall(id="a", name="email_customer", arguments='{"text":"x"}'),
        ToolCall(id="b", name="lookup_order", arguments='{"order_id":"o1"}'),
    ]
    network.after["receipts"] = cut
    # A wait for people that nobody answers is tried for twice as long as one attempt may take.
    patience = Patience(total=0.0, attempt=2.0)
    async with (
        desk.client(network, patience=patience) as client,
        client.session(mode=ENFORCE) as session,
    ):
        # Nobody answers within a wait of a second: no more is waited for than that.
        session.approval_seconds = 1
        outcomes = await session.run_turn(calls, tools)
        network.is_down = False
    assert [one.ending for one in outcomes] == [Ending.WAITING, Ending.SUCCEEDED]
    assert ran == ["o1"]
