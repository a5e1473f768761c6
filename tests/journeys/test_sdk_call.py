"""A governed call whose tool is a block of code."""

import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.journeys.conftest import ENFORCE, Network, RefundDesk, Serving
from tests.journeys.test_sdk_away import LateClock, open_statuses
from tests.journeys.wire import Wire
from tests.studio.story import AGENT, LOOKUP, REFUND, Story, contract

from placet.evidence.dsse import encode_envelope, parse_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.grant import Grant
from placet.evidence.receipt import HostOutcome, HostSays, receipt_for
from placet.kernel import foreign
from placet.kernel.clock import SystemClock
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.hashing import digest
from placet.kernel.principal import Environment
from placet.replay.sessions.refusals import LeaseLost
from placet.sdk import sync
from placet.sdk.calling import OpenCall
from placet.sdk.errors import CallBlocked, GrantRefused, NotDone
from placet.sdk.govern import governed
from placet.sdk.notes import tell

PAY: dict[str, Json] = {"order_id": "ord_1", "amount_cents": 7}


@dataclass
class Desk:
    """A desk, and the wire to it."""

    desk: RefundDesk
    wire: Wire


@pytest.fixture
def wired(desk: RefundDesk) -> Desk:
    return Desk(desk, Wire(desk.url))


async def test_a_block_gets_leave_and_headers_and_is_reported_with_what_it_said(
    wired: Desk,
) -> None:
    async with (
        wired.desk.client(transport=wired.wire) as client,
        client.session(mode=ENFORCE) as session,
    ):
        async with session.call("issue_refund", PAY) as call:
            assert (call.arguments, call.body) == (PAY, foreign.encode(PAY))
            assert await open_statuses(session) == ["granted"]
            assert set(call.headers()) == {"Idempotency-Key", "Placet-Grant", "Placet-Fence"}
            assert call.headers()["Idempotency-Key"] == str(call.call_id)
            call.result({"refund_id": "rf_1"})
            call.tell(external_ref="bank-7", cost_micros=1_200)
        assert await open_statuses(session) == []
    ((told, answer),) = wired.wire.pairs("/receipts")
    assert (told["status"], told["output"]) == ("succeeded", '{"refund_id":"rf_1"}')
    assert (told["external_ref"], told["cost_micros"]) == ("bank-7", 1_200)
    assert answer["settled"]
    assert "ord_1" not in repr(call)
    assert "rf_1" not in repr(call)


async def test_a_block_without_a_result_tells_of_none(wired: Desk) -> None:
    async with (
        wired.desk.client(transport=wired.wire) as client,
        client.session(mode=ENFORCE) as session,
        session.call("lookup_order", {"order_id": "ord_1"}) as call,
    ):
        call.result(object())
    ((told, _),) = wired.wire.pairs("/receipts")
    assert (told["status"], told["output"]) == ("succeeded", None)


@pytest.mark.parametrize(
    ("tool", "arguments", "fault", "left"),
    [
        ("issue_refund", PAY, NotDone("the till is closed"), []),
        ("issue_refund", PAY, ValueError("who knows"), ["unknown"]),
        ("issue_refund", PAY, TimeoutError(), ["unknown"]),
        ("lookup_order", {"order_id": "ord_1"}, ValueError("no such order"), []),
    ],
)
async def test_an_exception_says_of_the_effect_what_it_says_in_a_tool(
    desk: RefundDesk, tool: str, arguments: dict[str, object], fault: Exception, left: list[str]
) -> None:
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        with pytest.raises(type(fault)):
            async with session.call(tool, arguments):
                raise fault
        assert await open_statuses(session) == left


async def test_a_blocked_call_does_not_enter_its_block(desk: RefundDesk) -> None:
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        with pytest.raises(CallBlocked):
            async with session.call("issue_refund", PAY | {"amount_cents": 0}):
                pytest.fail("it was blocked")


async def test_a_block_that_is_cancelled_has_a_doubtful_end(desk: RefundDesk) -> None:
    begun = asyncio.Event()

    async with desk.client() as client, client.session(mode=ENFORCE) as session:

        async def hang() -> None:
            async with session.call("issue_refund", PAY):
                begun.set()
                await asyncio.Event().wait()

        running = asyncio.ensure_future(hang())
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await open_statuses(session) == ["unknown"]


async def test_a_lease_that_runs_low_before_the_block_gives_the_call_back(
    desk: RefundDesk, network: Network
) -> None:
    clock = LateClock()

    def run_low() -> None:
        clock.later = 10.1

    async with desk.client(network, clock=clock) as client, client.session(mode=ENFORCE) as session:
        network.after["start"] = run_low
        with pytest.raises(LeaseLost):
            async with session.call("issue_refund", PAY):
                pytest.fail("its lease ran low")
        assert (network.count("/receipts"), await open_statuses(session)) == (1, [])


async def test_a_call_is_entered_once_and_takes_json_alone(desk: RefundDesk) -> None:
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        calling = session.call("lookup_order", {"order_id": "ord_1"})
        async with calling:
            pass
        with pytest.raises(RuntimeError, match="once"):
            async with calling:
                pytest.fail("it was entered before")
        with pytest.raises(ForeignJsonError):
            session.call("lookup_order", {"order_id": object()})


async def test_a_call_that_is_only_recorded_is_not_reported(desk: RefundDesk) -> None:
    wire = Wire(desk.url)
    async with (
        desk.client(transport=wire) as client,
        client.session() as session,
        session.call("issue_refund", PAY | {"amount_cents": 0}) as call,
    ):
        assert call.context.grant is None
    assert wire.pairs("/receipts") == []


def test_the_same_without_an_event_loop(desk: RefundDesk) -> None:
    with sync.Client(desk.url, desk.agent_key) as client, client.session(mode=ENFORCE) as session:
        with session.call("issue_refund", PAY) as call:
            assert isinstance(call, OpenCall)
            call.result({"refund_id": "rf_1"})
        with (
            pytest.raises(KeyboardInterrupt),
            session.call("issue_refund", PAY | {"order_id": "o"}),
        ):
            raise KeyboardInterrupt
        found = session.state(pending=True).pending or []
        assert [one.status for one in found] == ["unknown"]


async def test_a_tool_tells_beside_its_result_from_wherever_it_runs(wired: Desk) -> None:
    @governed(name="lookup_order")
    def plain(order_id: str) -> None:
        tell(cost_micros=len(order_id))

    @governed(name="lookup_order")
    async def not_plain(order_id: str) -> None:
        tell(external_ref=order_id)
        raise NotDone

    async with (
        wired.desk.client(transport=wired.wire) as client,
        client.session(mode=ENFORCE),
    ):
        await plain("ord_1")
        with pytest.raises(NotDone):
            await not_plain("ord_2")
        tell(cost_micros=9)
        await governed(name="lookup_order")(_silent)("ord_3")
    told = [asked for asked, _ in wired.wire.pairs("/receipts")]
    assert [(one["cost_micros"], one["external_ref"]) for one in told] == [
        (5, None),
        (None, "ord_2"),
        (None, None),
    ]


def _silent(order_id: str) -> None:
    assert order_id


async def registered(desk: Story, key: SigningKey, url: str) -> None:
    """Register a host of the refund tool in production."""
    asked = {
        "name": "bank",
        "environment": "production",
        "strength": "verified",
        "tools": ["issue_refund"],
        "public_key": base64.b64encode(key.public.raw).decode(),
    }
    headers = {
        "Authorization": f"Bearer {desk.workplace.founder_key}",
        "Idempotency-Key": "bank",
    }
    async with httpx.AsyncClient(base_url=url, trust_env=False) as caller:
        made = await caller.post("/api/v1/authority/tool-hosts", json=asked, headers=headers)
    assert made.is_success, made.text


async def test_what_the_host_signed_settles_what_the_agents_word_does_not(
    service: Serving, story: Story
) -> None:
    key = SigningKey.generate()
    await registered(story, key, service.url)
    await story.approved(
        contract(LOOKUP, REFUND | {"side_effect": "write"}), Environment.PRODUCTION
    )
    _, agent_key = await story.workplace.agent(AGENT, Environment.PRODUCTION)
    desk = RefundDesk(service, story.workplace, agent_key)
    wire = Wire(desk.url)
    output = {"refund_id": "rf_1"}
    async with desk.client(transport=wire) as client, client.session() as session:
        async with session.call("issue_refund", PAY) as call:
            call.result(output)
        assert await open_statuses(session) == ["granted"]
        async with session.call("issue_refund", PAY | {"order_id": "ord_2"}) as call:
            call.result(output)
            call.tell(attestation=attestation(call, output, key))
    answers = [answer for _, answer in wire.pairs("/receipts")]
    assert [answer["attestation"] for answer in answers] == [None, "taken"]
    assert [answer["settled"] for answer in answers] == [False, True]


def attestation(call: OpenCall, output: object, key: SigningKey) -> dict[str, object]:
    """Return what the host of a call answers beside its result."""
    envelope = parse_envelope(base64.urlsafe_b64decode(call.headers()["Placet-Grant"] + "=="))
    grant = msgspec.json.decode(envelope.payload, type=Grant)
    now = SystemClock().now()
    says = HostSays(
        outcome=HostOutcome.SUCCEEDED,
        output_hash=digest("output", foreign.encode(msgspec.to_builtins(output))).hex(),
        external_ref=None,
        started_at=now,
        completed_at=now,
    )
    return {
        "envelope": json.loads(encode_envelope(receipt_for(grant, says, key))),
        "public_key": base64.b64encode(key.public.raw).decode(),
    }


async def test_in_production_a_grant_that_was_never_redeemed_is_left_to_the_service(
    service: Serving, story: Story, tmp_path: Path
) -> None:
    tool = REFUND | {"side_effect": "write", "start": "required"}
    await story.approved(contract(LOOKUP, tool), Environment.PRODUCTION)
    _, agent_key = await story.workplace.agent(AGENT, Environment.PRODUCTION)
    desk, wire = RefundDesk(service, story.workplace, agent_key), Wire(service.url)
    strangers = [SigningKey.generate().public]
    async with desk.client(transport=wire, grant_keys=strangers) as client:
        async with client.session() as session:
            with pytest.raises(GrantRefused):
                async with session.call("issue_refund", PAY):
                    pytest.fail("no key that counts signed its grant")
            (left,) = (await session.state(pending=True)).pending or []
            assert (left.status, left.execution_state) == ("granted", "not_started")
        async with client.session(session.session_id, journal=tmp_path) as session:
            assert session.taken_over is not None
            assert session.taken_over.never_begun == [left.call_id]
    assert wire.pairs("/receipts") == []
