"""Dead letters park their stream until an operator decides, and the decision is an event."""

import asyncio

import pytest
from tests.webhooks.endpoints.test_service import remove, told
from tests.webhooks.post import Post
from tests.webhooks.receiver import BROKEN, GOOD, Receiver

from placet.events import store as events
from placet.events.model import StreamId, StreamKind, new_event
from placet.kernel.refusals import Refusal
from placet.replay.sessions.model import SessionStopped
from placet.webhooks.deliveries import service, store
from placet.webhooks.deliveries.model import (
    DecideDelivery,
    DeliveryAnswer,
    DeliveryStatus,
    WebhookDeliveryNotFound,
    WebhookDeliveryNotParked,
)
from placet.webhooks.endpoints.model import EndpointAnswer, EndpointStatus

DECIDED = DecideDelivery(reason="a test")


async def skip(post: Post, endpoint: EndpointAnswer, row: DeliveryAnswer) -> DeliveryAnswer:
    async with post.db.writing(post.founder) as tx:
        return await service.skip_delivery(
            tx, endpoint.endpoint_id, row.event_id, DECIDED, post.ids
        )


async def release(post: Post, endpoint: EndpointAnswer, row: DeliveryAnswer) -> DeliveryAnswer:
    async with post.db.writing(post.founder) as tx:
        return await service.release_delivery(
            tx, endpoint.endpoint_id, row.event_id, DECIDED, post.ids
        )


async def parked(post: Post, receiver: Receiver, events: int = 2) -> EndpointAnswer:
    """Return an endpoint whose one stream is parked at its first event."""
    endpoint = await post.endpoint(receiver.url)
    receiver.usual = BROKEN
    await post.happen(post.ids.new(), events)
    await post.drain()
    await post.let_time_pass(hours=24)
    await post.drain()
    receiver.usual = GOOD
    receiver.heard.clear()
    return endpoint


async def test_what_failed_for_a_day_is_dead_and_parks_its_stream_alone(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await parked(post, receiver)
    dead, behind = await post.rows(endpoint)
    assert (dead.status, dead.last_status, dead.waits_for) == (DeliveryStatus.DEAD, 500, None)
    assert (behind.status, behind.waits_for) == (DeliveryStatus.DUE, dead.event_id)
    await post.let_time_pass(hours=48)
    await post.happen(post.ids.new())
    await post.drain()
    assert await post.statuses(endpoint) == ["dead", "due", "delivered"]


async def test_a_released_letter_goes_out_and_what_waited_follows_in_order(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await parked(post, receiver)
    dead, behind = await post.rows(endpoint)
    released = await release(post, endpoint, dead)
    assert (released.status, released.attempts) == (DeliveryStatus.DUE, 0)
    await post.drain()
    assert receiver.ids == [str(dead.event_id), str(behind.event_id)]
    assert (await told(post))[-1] == "WebhookDeliveryReleased"


async def test_the_time_that_an_endpoint_was_disabled_counts_for_nothing(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    receiver.usual = BROKEN
    await post.happen(post.ids.new())
    await post.drain()
    await post.change(endpoint, EndpointStatus.DISABLED)
    await post.let_time_pass(hours=48)
    await post.change(endpoint, EndpointStatus.ACTIVE)
    await post.drain()
    assert len(receiver.heard) == 2
    (row,) = await post.rows(endpoint)
    assert (row.status, row.attempts) == (DeliveryStatus.DUE, 1)
    await post.let_time_pass(hours=24)
    await post.drain()
    assert await post.statuses(endpoint) == ["dead"]


async def test_enabling_what_is_active_gives_no_more_time(post: Post, receiver: Receiver) -> None:
    endpoint = await post.endpoint(receiver.url)
    receiver.usual = BROKEN
    await post.happen(post.ids.new())
    await post.drain()
    await post.let_time_pass(hours=24)
    await post.change(endpoint, EndpointStatus.ACTIVE)
    await post.drain()
    assert await post.statuses(endpoint) == ["dead"]


async def test_a_released_letter_is_tried_for_another_day(post: Post, receiver: Receiver) -> None:
    endpoint = await parked(post, receiver)
    receiver.usual = BROKEN
    (dead, _) = await post.rows(endpoint)
    await release(post, endpoint, dead)
    await post.drain()
    assert await post.statuses(endpoint) == ["due", "due"]
    await post.let_time_pass(hours=24)
    await post.drain()
    assert await post.statuses(endpoint) == ["dead", "due"]


async def test_a_skipped_letter_is_never_sent_and_what_waited_is(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await parked(post, receiver)
    dead, behind = await post.rows(endpoint)
    await skip(post, endpoint, dead)
    await post.drain()
    assert receiver.ids == [str(behind.event_id)]
    assert (await told(post))[-1] == "WebhookDeliverySkipped"
    assert await post.statuses(endpoint) == ["skipped", "delivered"]


async def test_a_decision_wakes_a_sender(post: Post, receiver: Receiver) -> None:
    endpoint = await parked(post, receiver)
    (dead, _) = await post.rows(endpoint)
    before = {work.ref for work in await post.due()}
    await skip(post, endpoint, dead)
    assert {work.ref for work in await post.due()} - before == {endpoint.endpoint_id}


async def test_of_decisions_at_once_one_counts(post: Post, receiver: Receiver) -> None:
    endpoint = await parked(post, receiver)
    (dead, _) = await post.rows(endpoint)
    made = await asyncio.gather(
        skip(post, endpoint, dead),
        release(post, endpoint, dead),
        skip(post, endpoint, dead),
        release(post, endpoint, dead),
        return_exceptions=True,
    )
    refused = [one for one in made if isinstance(one, Refusal)]
    assert [type(one) for one in refused] == [WebhookDeliveryNotParked] * 3
    decisions = [name for name in await told(post) if name.endswith(("Released", "Skipped"))]
    assert len(decisions) == 1


async def test_only_what_is_parked_can_be_decided(post: Post, receiver: Receiver) -> None:
    endpoint = await parked(post, receiver)
    _, behind = await post.rows(endpoint)
    for decide in (skip, release):
        with pytest.raises(WebhookDeliveryNotParked) as refused:
            await decide(post, endpoint, behind)
        assert refused.value.delivery_status is DeliveryStatus.DUE


async def test_a_delivery_to_another_endpoint_is_not_found(post: Post, receiver: Receiver) -> None:
    endpoint = await parked(post, receiver)
    (dead, _) = await post.rows(endpoint)
    other = await post.endpoint(receiver.url)
    with pytest.raises(WebhookDeliveryNotFound):
        await skip(post, other, dead)


async def test_what_waits_for_a_removed_endpoint_is_dropped(post: Post, receiver: Receiver) -> None:
    endpoint = await parked(post, receiver)
    await remove(post, endpoint)
    await post.drain()
    assert receiver.heard == []
    async with post.db.reading(post.founder) as tx:
        found = await store.list_deliveries(
            tx, endpoint.endpoint_id, status=DeliveryStatus.DROPPED, after=None, limit=10
        )
    assert len(found) == 2


async def test_an_event_that_was_being_written_while_its_endpoint_was_removed_is_dropped(
    post: Post, receiver: Receiver
) -> None:
    endpoint = await post.endpoint(receiver.url)
    async with post.db.writing(post.founder) as tx:
        stream = StreamId(post.ids.new())
        said = SessionStopped(reason="enough")
        await events.append(tx, stream, StreamKind.SESSION, [new_event(post.ids, said)])
        await remove(post, endpoint)
    await post.drain()
    async with post.db.reading(post.founder) as tx:
        (found,) = await store.list_deliveries(
            tx, endpoint.endpoint_id, status=None, after=None, limit=10
        )
    assert found.status is DeliveryStatus.DROPPED
    assert receiver.heard == []


async def test_what_is_given_up_is_an_event_and_a_line_of_the_log(
    post: Post, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = await parked(post, receiver)
    (dead, _) = await post.rows(endpoint)
    assert (await told(post)).count("WebhookDeliveryParked") == 1
    (line,) = [one for one in caplog.records if str(dead.event_id) in one.getMessage()]
    assert line.levelname == "WARNING"
    assert "500" in line.getMessage()
