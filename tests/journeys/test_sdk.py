"""Governed tools, through the client, over real HTTP, on a real database."""

import base64
import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from tests.journeys.conftest import ENFORCE, RefundDesk

from placet.evidence.ed25519 import SigningKey
from placet.evidence.grant import GrantUse, verify_grant
from placet.kernel.foreign import Json
from placet.replay.sessions.model import SessionMode
from placet.sdk.answers import PendingCall
from placet.sdk.arguments import arguments_of
from placet.sdk.errors import (
    ApprovalPending,
    CallBlocked,
    GrantRefused,
    NoSessionError,
    NotDone,
    OutcomeUnknown,
)
from placet.sdk.govern import governed
from placet.sdk.outcomes import Ending
from placet.sdk.session import Session
from placet.sdk.tool import ToolContext, current_context


async def open_calls(session: Session) -> list[PendingCall]:
    """Return the calls that the service still waits for."""
    return (await session.state(pending=True)).pending or []


def tool_call(call_id: str, name: str, arguments: str) -> dict[str, Json]:
    """Return a tool call as a chat completion has it."""
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


async def test_a_granted_call_runs_with_its_arguments_and_is_settled(desk: RefundDesk) -> None:
    seen: list[str] = []

    @governed
    async def lookup_order(order_id: str) -> dict[str, str]:
        seen.append(order_id)
        return {"status": "delivered"}

    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        assert await lookup_order("ord_1") == {"status": "delivered"}
        assert seen == ["ord_1"]
        assert await open_calls(session) == []
        assert session.owed == 0


async def test_a_plain_tool_is_governed_too_and_runs_beside_the_loop(desk: RefundDesk) -> None:
    @governed(name="lookup_order")
    def look_up(order_id: str) -> threading.Thread:
        assert current_context() is not None
        return threading.current_thread()

    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        assert await look_up("ord_1") is not threading.current_thread()
        assert await open_calls(session) == []


async def test_a_blocked_call_does_not_run_and_says_every_reason(desk: RefundDesk) -> None:
    ran: list[int] = []

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> None:
        ran.append(amount_cents)

    async with desk.client() as client, client.session(mode=ENFORCE):
        with pytest.raises(CallBlocked) as caught:
            await issue_refund(order_id="ord_1", amount_cents=50_001)
    assert ran == []
    assert [reason.code for reason in caught.value.reasons] == ["argument_out_of_bounds"]


async def test_a_call_that_asks_waits_and_tells_until_when(desk: RefundDesk) -> None:
    @governed
    async def email_customer(text: str) -> None:
        pytest.fail(f"nobody said yes to {text}")

    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        with pytest.raises(ApprovalPending) as caught:
            await email_customer("hello")
        waiting = await open_calls(session)
    assert [call.call_id for call in waiting] == [caught.value.call_id]
    assert caught.value.deadline is not None


async def test_a_financial_tool_is_started_first_and_gets_a_grant_that_its_host_can_check(
    desk: RefundDesk,
) -> None:
    states: list[str] = []
    contexts: list[ToolContext] = []

    async with desk.client() as client, client.session(mode=ENFORCE) as session:

        @session.governed()
        async def issue_refund(
            order_id: str, amount_cents: int, context: ToolContext | None = None
        ) -> None:
            assert context is not None
            contexts.append(context)
            states.extend(call.execution_state for call in await open_calls(session))

        await issue_refund(order_id="ord_1", amount_cents=100)
        (context,) = contexts
        headers = context.headers()
        plan = await client.plan("refund-desk", "staging")
        verdict = verify_grant(
            base64.urlsafe_b64decode(headers["Placet-Grant"] + "=="),
            session.keys,
            GrantUse(
                tool="issue_refund",
                tool_schema_hash=None,
                arguments_hash=arguments_of({"order_id": "ord_1", "amount_cents": 100}).hash,
                at=session.check().service_time(session.means.clock.monotonic()),
            ),
        )
    assert states == ["started"]
    assert verdict.grant is not None
    assert verdict.grant.call_id == context.call_id
    assert headers["Placet-Fence"] == f"{verdict.grant.fence.epoch}.{verdict.grant.fence.n}"
    assert headers["Idempotency-Key"] == str(context.call_id)
    assert plan.is_fresh


async def test_not_done_goes_on_and_frees_the_effect_for_another_try(
    desk: RefundDesk,
) -> None:
    answers: list[object] = [NotDone("the till is closed"), "rf_1"]

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with desk.client() as client, client.session(mode=ENFORCE):
        with pytest.raises(NotDone, match="the till is closed"):
            await issue_refund(order_id="ord_1", amount_cents=100)
        assert await issue_refund(order_id="ord_1", amount_cents=100) == "rf_1"


@pytest.mark.parametrize(
    "fault",
    [
        TimeoutError(),
        ConnectionResetError(),
        OutcomeUnknown("no answer from the bank"),
        ValueError("nobody knows what this says of a refund"),
    ],
)
async def test_a_doubtful_end_keeps_the_effect_taken(desk: RefundDesk, fault: Exception) -> None:
    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> None:
        raise fault

    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        with pytest.raises(type(fault)):
            await issue_refund(order_id="ord_1", amount_cents=100)
        assert [call.status for call in await open_calls(session)] == ["unknown"]
        with pytest.raises(CallBlocked) as caught:
            await issue_refund(order_id="ord_1", amount_cents=100)
    assert [reason.code for reason in caught.value.reasons] == ["effect_key_taken"]


async def test_one_effect_happens_once_however_many_ask_for_it(desk: RefundDesk) -> None:
    ran: list[str] = []

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> None:
        ran.append(order_id)

    async with desk.client() as one, desk.client() as two:
        async with one.session(mode=ENFORCE):
            await issue_refund(order_id="ord_1", amount_cents=100)
        async with two.session(mode=ENFORCE):
            with pytest.raises(CallBlocked):
                await issue_refund(order_id="ord_1", amount_cents=200)
    assert ran == ["ord_1"]


async def test_a_grant_of_a_key_that_is_not_pinned_runs_nothing_and_is_given_back(
    desk: RefundDesk,
) -> None:
    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> str:
        return "rf_1"

    stranger = SigningKey.generate().public
    async with (
        desk.client(grant_keys=[stranger]) as client,
        client.session(mode=ENFORCE) as session,
    ):
        with pytest.raises(GrantRefused) as caught:
            await issue_refund(order_id="ord_1", amount_cents=100)
        assert caught.value.flaw == "signature"
        assert await open_calls(session) == []
    async with desk.client() as client, client.session(mode=ENFORCE):
        assert await issue_refund(order_id="ord_1", amount_cents=100) == "rf_1"


async def test_where_verdicts_are_only_reported_everything_runs(desk: RefundDesk) -> None:
    @governed
    async def issue_refund(
        order_id: str, amount_cents: int, context: ToolContext | None = None
    ) -> str | None:
        assert context is not None
        return context.grant

    async with desk.client() as client, client.session() as session:
        assert session.view.mode is SessionMode.SHADOW
        assert await issue_refund(order_id="ord_1", amount_cents=50_001) is None


async def test_a_governed_tool_outside_a_session_does_not_run(desk: RefundDesk) -> None:
    @governed
    async def lookup_order(order_id: str) -> None:
        pytest.fail(f"nobody governs {order_id}")

    with pytest.raises(NoSessionError):
        await lookup_order("ord_1")
    async with desk.client() as client, client.session(mode=ENFORCE):
        pass
    with pytest.raises(NoSessionError):
        await lookup_order("ord_1")


async def test_a_turns_calls_are_decided_together_and_each_has_its_outcome(
    desk: RefundDesk,
) -> None:
    ran: list[str] = []

    async def lookup_order(order_id: str) -> dict[str, str]:
        ran.append(order_id)
        return {"status": "delivered"}

    def issue_refund(order_id: str, amount_cents: int) -> None:
        ran.append(f"{order_id}:{amount_cents}")
        message = "the till is closed"
        raise NotDone(message)

    async def email_customer(text: str) -> None:
        pytest.fail(f"nobody said yes to {text}")

    completion: Json = {
        "choices": [
            {
                "message": {
                    "tool_calls": [
                        tool_call("c1", "lookup_order", '{"order_id": "ord_1"}'),
                        tool_call("c2", "issue_refund", '{"order_id":"ord_2","amount_cents":7}'),
                        tool_call("c3", "issue_refund", '{"order_id":"ord_3","amount_cents":0}'),
                        tool_call("c4", "drop_table", "{}"),
                        tool_call("c5", "lookup_order", '{"order_id": '),
                    ]
                }
            }
        ]
    }
    tools: dict[str, Callable[..., object]] = {
        "lookup_order": lookup_order,
        "issue_refund": issue_refund,
        "email_customer": email_customer,
    }
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        messages: Json = [{"role": "user", "content": "refund me"}]
        prepared = await session.preflight(
            offered_tools=[*tools, "drop_table"], messages=messages, model="recorded"
        )
        assert prepared.tools == list(tools)
        assert [hidden.tool for hidden in prepared.hidden] == ["drop_table"]
        outcomes = await session.run_turn(completion, tools, prepared)
        assert await open_calls(session) == []
    assert [outcome.ending for outcome in outcomes] == [
        Ending.SUCCEEDED,
        Ending.FAILED,
        Ending.BLOCKED,
        Ending.BLOCKED,
        Ending.BLOCKED,
    ]
    assert ran == ["ord_1", "ord_2:7"]
    assert outcomes[0].message() == {
        "role": "tool",
        "tool_call_id": "c1",
        "content": '{"status":"delivered"}',
    }
    assert "the till is closed" in outcomes[1].text
    assert outcomes[2].reasons[0].code == "argument_out_of_bounds"


async def test_a_granted_call_that_nothing_here_can_run_is_given_back(desk: RefundDesk) -> None:
    calls: Json = [
        tool_call("c1", "issue_refund", '{"order_id":"ord_1","amount_cents":7}'),
        tool_call("c2", "lookup_order", '{"order_id":"ord_1"}'),
    ]

    async def lookup_order(number: str) -> None:
        pytest.fail(f"it takes no {number}")

    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        outcomes = await session.run_turn(calls, {"lookup_order": lookup_order})
        assert await open_calls(session) == []
    assert [outcome.ending for outcome in outcomes] == [Ending.NOT_RUN, Ending.NOT_RUN]
    assert "no such tool here" in outcomes[0].text


async def test_a_turn_that_asks_has_an_outcome_that_waits(desk: RefundDesk) -> None:
    async def email_customer(text: str) -> None:
        pytest.fail(f"nobody said yes to {text}")

    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        calls: Json = [tool_call("c1", "email_customer", '{"text":"hello"}')]
        (outcome,) = await session.run_turn(calls, {"email_customer": email_customer})
    assert outcome.ending is Ending.WAITING
    assert outcome.deadline is not None
    assert isinstance(outcome.call_id, UUID)
