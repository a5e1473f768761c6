"""What a sender does with receivers that fail, hang, answer late, and with senders that die."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook
from tests.webhooks.post import Post
from tests.webhooks.receiver import BROKEN, Receiver, receiving

from placet.kernel.clock import SystemClock
from placet.webhooks.deliveries import store
from placet.webhooks.deliveries.model import DeliveryStatus, Outcome, SendFault
from placet.webhooks.endpoints.model import EndpointStatus
from placet.webhooks.endpoints.rules import Address
from placet.webhooks.endpoints.signing import SigningSecrets
from placet.webhooks.sending.call import Caller
from placet.webhooks.sending.drain import KEPT, Sender
from placet.webhooks.sending.resolve import LookUpsFull


async def test_an_event_arrives_once_signed_and_whole(post: Post, receiver: Receiver) -> None:
    endpoint = await post.endpoint(receiver.url)
    await post.happen(post.ids.new())
    await post.drain()
    await post.drain()
    (heard,) = receiver.heard
    text = post.secrets.text(post.founder.tenant_id, endpoint.endpoint_id, 1)
    told = Webhook(text).verify(heard.body, heard.headers)
    (row,) = await post.rows(endpoint)
    assert row.status is DeliveryStatus.DELIVERED
    assert (told["type"], told["seq"]) == ("ApprovalRequestClosed", 1)
    assert told["event_id"] == heard.headers["webhook-id"] == str(row.event_id)
    assert told["data"]["status"] == "withdrawn"
    assert heard.line == "POST /hook?of=tests HTTP/1.1"


async def test_what_a_receiver_refuses_is_sent_again_with_the_same_id_and_bytes(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    receiver.answers = [BROKEN, BROKEN]
    await post.happen(post.ids.new())
    for _ in range(3):
        await post.drain()
        await post.drain()  # not due yet
        await post.let_time_pass()
    assert len(receiver.heard) == 3
    assert len(set(receiver.ids)) == 1
    assert len({heard.body for heard in receiver.heard}) == 1
    (row,) = await post.rows(endpoint)
    assert (row.status, row.attempts, row.last_status) == (DeliveryStatus.DELIVERED, 3, 204)


async def test_events_of_one_stream_arrive_in_order_whatever_fails_between(
    post: Post, receiver: Receiver
) -> None:
    await post.endpoint(receiver.url)
    one, other = post.ids.new(), post.ids.new()
    receiver.answers = [BROKEN]
    for _ in range(3):
        await post.happen(one)
    await post.drain()
    assert len(receiver.heard) == 1
    await post.happen(other)
    await post.drain()
    await post.let_time_pass()
    await post.drain()
    told = [json.loads(heard.body) for heard in receiver.heard]
    came = [(event["stream_id"], event["seq"]) for event in told]
    assert came == [(str(one), 1), (str(other), 1), (str(one), 1), (str(one), 2), (str(one), 3)]


async def test_a_receiver_that_hangs_counts_as_failed_after_the_time_of_a_call(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    receiver.is_holding = True
    await post.happen(post.ids.new())
    await post.drain(post.sender(seconds_max=0.2))
    (row,) = await post.rows(endpoint)
    assert (row.status, row.last_fault, row.attempts) == (
        DeliveryStatus.DUE,
        SendFault.TIMEOUT,
        1,
    )


async def test_a_redirect_is_a_failure_and_is_not_followed(post: Post, receiver: Receiver) -> None:
    async with receiving() as other:
        endpoint = await post.endpoint(receiver.url)
        receiver.usual = (
            f"HTTP/1.1 307 There\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await post.happen(post.ids.new())
        await post.drain()
        (row,) = await post.rows(endpoint)
        assert (row.last_status, row.last_fault) == (307, SendFault.STATUS)
        assert other.connections == 0


async def test_a_sender_that_dies_between_sending_and_marking_leaves_it_to_the_next(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    receiver.is_holding = True
    await post.happen(post.ids.new())
    task = asyncio.create_task(post.drain())
    await receiver.until(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    receiver.is_holding = False
    await post.drain()
    assert len(receiver.heard) == 1, "the dead sender's claim still holds"
    await post.let_time_pass()
    await post.drain()
    assert len(receiver.heard) == 2
    assert len(set(receiver.ids)) == 1
    assert await post.statuses(endpoint) == ["delivered"]


async def test_a_receiver_that_answers_late_is_told_twice_and_the_first_word_counts_for_nothing(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    receiver.is_holding = True
    await post.happen(post.ids.new())
    late = asyncio.create_task(post.drain())
    await receiver.until(1)
    await post.let_time_pass()  # its claim runs out while it still waits
    receiver.is_holding = False
    receiver.answers = [BROKEN]
    await post.drain()  # another sender takes over, and fails
    receiver.let_go()
    await late
    (row,) = await post.rows(endpoint)
    assert (row.status, row.attempts) == (DeliveryStatus.DUE, 2)
    assert len(set(receiver.ids)) == 1


async def test_two_senders_have_one_call_of_a_stream_under_way_at_a_time(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    stream = post.ids.new()
    for _ in range(20):
        await post.happen(stream)
    await asyncio.gather(*(post.drain() for _ in range(4)))
    await post.drain()
    assert receiver.most_at_once == 1
    assert [json.loads(heard.body)["seq"] for heard in receiver.heard] == list(range(1, 21))
    assert set(await post.statuses(endpoint)) == {"delivered"}


async def test_senders_at_once_tell_each_event_of_many_streams_once(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    for _ in range(40):
        await post.happen(post.ids.new())
    receiver.is_holding = True
    passing = [asyncio.create_task(post.drain()) for _ in range(4)]
    await receiver.until(8)
    receiver.let_go()
    await asyncio.gather(*passing)
    assert receiver.most_at_once >= 8
    assert len(set(receiver.ids)) == len(receiver.ids) == 40
    assert set(await post.statuses(endpoint)) == {"delivered"}


async def test_a_mark_under_an_old_claim_changes_nothing(post: Post, receiver: Receiver) -> None:
    endpoint = await post.endpoint(receiver.url)
    await post.happen(post.ids.new())
    async with post.db.writing(post.founder) as tx:
        (old,) = await store.claim_heads(tx, endpoint.endpoint_id, 10)
    await post.let_time_pass()
    async with post.db.writing(post.founder) as tx:
        (new,) = await store.claim_heads(tx, endpoint.endpoint_id, 10)
        assert not await store.advance_to_delivered(tx, old, Outcome(status=200))
        assert not await store.advance_after_fault(tx, old, Outcome(), None)
        assert await store.advance_to_delivered(tx, new, Outcome(status=200))


async def test_a_slow_endpoint_holds_up_no_other(post: Post, receiver: Receiver) -> None:
    receiver.is_holding = True
    async with receiving() as quick:
        await post.endpoint(receiver.url)
        await post.endpoint(quick.url)
        for _ in range(20):
            await post.happen(post.ids.new())
        passing = asyncio.create_task(post.drain())
        await quick.until(20)
        assert not passing.done()
        receiver.let_go()
        await passing


async def test_a_disabled_endpoint_is_told_of_what_waited_once_it_is_enabled(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    await post.happen(post.ids.new())
    await post.change(endpoint, EndpointStatus.DISABLED)
    await post.happen(post.ids.new())
    await post.drain()
    assert receiver.heard == []
    await post.change(endpoint, EndpointStatus.ACTIVE)
    await post.drain()
    assert len(receiver.heard) == 1


async def test_a_service_with_another_key_sends_nothing_and_looks_again_later(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    await post.happen(post.ids.new())
    own, post.secrets = post.secrets, SigningSecrets(bytes(32))
    await post.drain()
    assert receiver.heard == []
    assert (await post.rows(endpoint))[0].attempts == 0
    post.secrets = own
    await post.drain()
    assert len(receiver.heard) == 1


async def test_a_pass_says_when_the_next_is_due_and_then_when_it_is_forgotten(
    post: Post, receiver: Receiver
) -> None:
    await post.endpoint(receiver.url)
    receiver.answers = [BROKEN]
    await post.happen(post.ids.new())
    sender, tenant = post.sender(), post.founder.tenant_id
    async with post.db.reading(post.founder) as tx:
        before = await tx.now()
    await sender.drain(tenant)
    (again,) = await post.due()
    async with post.db.reading(post.founder) as tx:
        after = await tx.now()
    assert before + timedelta(seconds=2) < again.due_at < after + timedelta(seconds=8)
    await post.let_time_pass()
    await sender.drain(tenant)
    (last,) = await post.due()
    async with post.db.reading(post.founder) as tx:
        assert last.due_at - await tx.now() > KEPT - timedelta(minutes=1)


async def test_a_pass_answers_for_every_event_that_woke_it(post: Post, receiver: Receiver) -> None:
    endpoint = await post.endpoint(receiver.url)
    await post.happen(post.ids.new(), 20)
    assert len(await post.due()) == 20
    await post.drain()
    assert len(await post.due()) == 1, "when they are forgotten"
    assert set(await post.statuses(endpoint)) == {"delivered"}


async def test_a_mark_that_fails_is_made_again_and_ends_no_other_call(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    for _ in range(2):
        await post.happen(post.ids.new())
    receiver.is_holding = True
    async with post.failing_marks(endpoint, times=1):
        passing = asyncio.create_task(post.drain())
        await receiver.until(2)
        receiver.let_go()
        await passing
    assert await post.statuses(endpoint) == ["delivered", "delivered"]
    assert len(receiver.heard) == 2


async def test_a_mark_that_never_succeeds_leaves_its_claim_and_ends_no_pass(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    await post.happen(post.ids.new())
    async with receiving() as other, post.failing_marks(endpoint, times=100):
        second = await post.endpoint(other.url)
        await post.happen(post.ids.new())
        await post.drain()
        assert await post.statuses(second) == ["delivered"]
    assert await post.statuses(endpoint) == ["due", "due"]
    (again,) = await post.due()
    async with post.db.reading(post.founder) as tx:
        assert again.due_at > await tx.now(), "once the claims have run out"


async def no_room(host: str, asker: UUID | None = None) -> list[Address]:
    """Have every look-up taken."""
    del host, asker
    raise LookUpsFull


async def test_waiting_for_a_look_up_is_no_attempt(post: Post) -> None:
    endpoint = await post.endpoint("https://hooks.example.com/")
    await post.happen(post.ids.new())
    await post.drain(Sender(post.db, post.ids, SystemClock(), post.secrets, Caller(no_room)))
    (row,) = await post.rows(endpoint)
    assert (row.status, row.attempts, row.first_tried_at) == (DeliveryStatus.DUE, 0, None)
    assert len(await post.due()) == 1


async def test_what_was_told_is_forgotten_after_its_days_and_what_waits_is_not(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    stream = post.ids.new()
    await post.happen(stream)
    await post.drain()
    await post.let_time_pass(hours=24 * 29)
    receiver.usual = BROKEN
    await post.happen(stream)
    await post.drain()
    assert await post.statuses(endpoint) == ["delivered", "due"]
    await post.let_time_pass(hours=24)
    await post.drain()
    assert await post.statuses(endpoint) == ["dead"]
    await post.let_time_pass(hours=24 * 40)
    await post.drain()
    assert await post.statuses(endpoint) == ["dead"], "an operator has to decide"
    assert await post.due() == []
