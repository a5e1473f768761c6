"""What the service is told beside receipts: unguarded calls, orphans, and ends of sessions."""

import base64
import threading
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from tests.journeys.conftest import ENFORCE, IN_VAIN, Network, RefundDesk, Serving, open_desk
from tests.journeys.test_sdk_away import HASTY, LEASE, LateClock, refunding
from tests.journeys.wire import Wire
from tests.studio.story import AGENT, Story

from placet.evidence.dsse import encode_envelope
from placet.evidence.fields import ControlSeen, Fence
from placet.evidence.grant import Grant, sign_grant
from placet.kernel.clock import Clock, SystemClock
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.refusals import NotFound
from placet.replay.calls.model import ReceiptStatus
from placet.replay.sessions.refusals import SessionClosing, SessionCompleted
from placet.sdk.endpoints import Owed, Receipt
from placet.sdk.errors import CallBlocked
from placet.sdk.govern import governed
from placet.sdk.journal import Journal, sessions_in
from placet.sdk.sync import Client as SyncClient


async def test_unguarded_calls_are_told_once_somebody_answers_again(
    service: Serving, story: Story, network: Network
) -> None:
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    issue_refund, _ = refunding()
    told, clock = threading.Event(), LateClock()
    network.after["lease"] = partial(clock.half_a_second_before_the_renewal, LEASE)
    async with (
        desk.client(network, patience=HASTY, clock=clock) as client,
        client.session(mode=ENFORCE, ttl_seconds=LEASE) as session,
    ):
        network.is_down = True
        for order in ("ord_1", "ord_2"):
            await issue_refund(order, 100)
        network.after["report-unguarded"] = told.set
        network.is_down = False
        while not told.wait(0):
            await session.state()
        assert session.unguarded == 2
    assert network.count("/report-unguarded") == 1


async def test_unguarded_calls_are_told_on_leaving_and_a_lost_answer_counts_nothing_twice(
    service: Serving, story: Story, network: Network
) -> None:
    desk = await open_desk(service, story, Environment.DEVELOPMENT)
    issue_refund, _ = refunding()
    network.loses_first_answers = True
    async with (
        desk.client(network, patience=IN_VAIN) as client,
        client.session(mode=ENFORCE) as session,
    ):
        network.is_down = True
        await issue_refund("ord_1", 100)
        network.is_down = False
    assert network.count("/report-unguarded") == 2
    assert await unguarded_of(desk, session.session_id) == 1


async def unguarded_of(desk: RefundDesk, session_id: UUID) -> int:
    """Return how many unguarded calls the service was told of, and one more of which it is not."""
    headers = {"Authorization": f"Bearer {desk.agent_key}", "Idempotency-Key": "one-more"}
    path = f"/api/v1/replay/sessions/{session_id}/report-unguarded"
    async with httpx.AsyncClient(base_url=desk.url, trust_env=False) as caller:
        told = await caller.post(path, json={"calls": 1}, headers=headers)
    assert told.is_success, told.text
    return int(told.json()["unguarded"]) - 1


def granted(story: Story, clock: Clock, ids: Ids) -> tuple[UUID, str, Owed]:
    """Return a session that the service does not know, and a receipt of a call granted in it."""
    now = clock.now()
    grant = Grant(
        tenant_id=story.workplace.tenant_id,
        environment=Environment.STAGING,
        agent=AGENT,
        session_id=ids.new(),
        step=1,
        call_id=ids.new(),
        server=None,
        tool="issue_refund",
        tool_schema_hash=None,
        arguments_hash="0" * 64,
        fence=Fence(epoch=1, n=1),
        artifact_hash="0" * 64,
        control=ControlSeen(epoch=0, revision=0),
        key_list_version=1,
        not_before=now,
        expires_at=now,
        audience=None,
    )
    text = base64.urlsafe_b64encode(encode_envelope(sign_grant(grant, story.keys.grant)))
    receipt = Receipt(
        call_id=grant.call_id,
        idempotency_key=str(ids.new()),
        status=ReceiptStatus.SUCCEEDED,
        arguments_hash=grant.arguments_hash,
        output='{"refund_id":"rf_1"}',
    )
    owed = Owed(receipt=receipt, grant=text.rstrip(b"=").decode())
    return grant.session_id, str(grant.call_id), owed


async def test_a_receipt_of_a_session_that_the_service_forgot_is_left_as_an_orphan(
    desk: RefundDesk, story: Story, ids: Ids, tmp_path: Path
) -> None:
    session_id, call_id, owed = granted(story, SystemClock(), ids)
    journal = Journal(tmp_path, session_id).open()
    journal.opens("worker-1")
    journal.owes(owed)
    journal.close()
    wire = Wire(desk.url)
    async with desk.client(transport=wire) as client:
        for _ in range(2):
            with pytest.raises(NotFound):
                async with client.session(session_id, journal=tmp_path):
                    pytest.fail("nobody knows this session")
    ((told, answer),) = wire.pairs("/orphans")
    assert (answer["call_id"], answer["conflicting"]) == (call_id, False)
    assert told["output"] == owed.receipt.output
    assert sessions_in(tmp_path) == []


async def test_a_closed_session_takes_nothing_new_and_is_over_once_nothing_is_open(
    desk: RefundDesk,
) -> None:
    async with desk.client() as client, client.session(mode=ENFORCE) as session:

        @governed
        async def issue_refund(order_id: str, amount_cents: int) -> str:
            answer = await session.close("the shift is over")
            assert (answer.status, len(answer.unsettled)) == ("closing", 1)
            return f"{order_id}: {amount_cents}"

        await issue_refund("ord_1", 100)
        with pytest.raises((SessionClosing, SessionCompleted)):
            await issue_refund("ord_2", 100)
        assert (session.owed, (await session.state(pending=True)).pending) == (0, [])


def test_a_session_is_closed_without_an_event_loop(desk: RefundDesk) -> None:
    with SyncClient(desk.url, desk.agent_key) as client, client.session(mode=ENFORCE) as session:
        assert session.close().status == "completed"
        with pytest.raises(SessionCompleted), session.call("lookup_order", {"order_id": "o"}):
            pytest.fail("it was closed")


async def test_a_blocked_call_is_told_of_no_further(desk: RefundDesk) -> None:
    wire = Wire(desk.url)
    async with desk.client(transport=wire) as client, client.session(mode=ENFORCE) as session:
        wire.kept.clear()
        with pytest.raises(CallBlocked):
            async with session.call("issue_refund", {"order_id": "o", "amount_cents": 0}):
                pytest.fail("it was blocked")
        assert wire.posts() == ["calls"]
