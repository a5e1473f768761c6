"""Endpoints are added, rotated and ended, each change once and told in the tenant's stream."""

import asyncio

import pytest
from tests.webhooks.post import Post

from placet.events import store as events
from placet.events.model import StreamKind, tenant_stream
from placet.kernel.refusals import Refusal
from placet.webhooks.deliveries import service as deliveries
from placet.webhooks.endpoints import service, store
from placet.webhooks.endpoints.model import (
    ENDPOINTS_MAX,
    AddEndpoint,
    ChangeEndpoint,
    EndpointAnswer,
    EndpointStatus,
    EndpointWithSecret,
    RotateSecret,
    WebhookEndpointMoved,
    WebhookEndpointNotFound,
    WebhookEndpointsFull,
    WebhookType,
    WebhookUrlRefused,
)

URL = "https://example.com/hook"


async def told(post: Post) -> list[str]:
    """Return the types of the tenant's own events."""
    stream = tenant_stream(post.founder.tenant_id, StreamKind.TENANCY)
    async with post.db.reading(post.founder) as tx:
        found = await events.list_events(tx, stream, after=0, limit=200)
    return [event.type for event in found if event.type.startswith("Webhook")]


async def rotate(post: Post, endpoint: EndpointAnswer, seconds: int = 60) -> EndpointWithSecret:
    asked = RotateSecret(overlap_seconds=seconds)
    async with post.db.writing(post.founder) as tx:
        return await service.rotate_secret(tx, endpoint.endpoint_id, asked, post.ids, post.secrets)


async def remove(post: Post, endpoint: EndpointAnswer) -> EndpointAnswer:
    asked = ChangeEndpoint(reason="a test")
    async with post.db.writing(post.founder) as tx:
        return await deliveries.remove_endpoint(tx, endpoint.endpoint_id, asked, post.ids)


async def test_every_change_is_an_event_and_none_holds_a_secret(post: Post) -> None:
    endpoint = await post.endpoint(URL, WebhookType.VOTE_CAST)
    secret = (await rotate(post, endpoint)).secret
    await post.change(endpoint, EndpointStatus.DISABLED)
    await post.change(endpoint, EndpointStatus.DISABLED)  # done already
    await post.change(endpoint, EndpointStatus.ACTIVE)
    await remove(post, endpoint)
    assert await told(post) == [
        "WebhookEndpointAdded",
        "WebhookSecretRotated",
        *["WebhookEndpointChanged"] * 3,
    ]
    stream = tenant_stream(post.founder.tenant_id, StreamKind.TENANCY)
    async with post.db.reading(post.founder) as tx:
        found = await events.list_events(tx, stream, after=0, limit=200)
    assert secret is not None
    assert not any(secret[6:].encode() in (event.body or b"") for event in found)


async def test_a_removed_endpoint_is_as_if_it_had_never_been(post: Post) -> None:
    endpoint = await post.endpoint(URL)
    assert (await remove(post, endpoint)).status is EndpointStatus.REMOVED
    for change in (post.change(endpoint, EndpointStatus.ACTIVE), remove(post, endpoint)):
        with pytest.raises(WebhookEndpointNotFound):
            await change
    with pytest.raises(WebhookEndpointNotFound):
        await rotate(post, endpoint)
    async with post.db.reading(post.founder) as tx:
        assert await service.list_endpoints(tx, after=None, limit=10) == []


async def test_a_rotation_shows_another_secret_and_how_long_the_old_one_signs(post: Post) -> None:
    endpoint = await post.endpoint(URL)
    rotated = await rotate(post, endpoint, seconds=3600)
    assert rotated.secret == post.secrets.text(post.founder.tenant_id, endpoint.endpoint_id, 2)
    async with post.db.reading(post.founder) as tx:
        now = await tx.now()
    assert rotated.endpoint.previous_until is not None
    assert 3590 < (rotated.endpoint.previous_until - now).total_seconds() <= 3600


async def test_of_two_rotations_at_once_one_counts_and_the_other_is_told(post: Post) -> None:
    endpoint = await post.endpoint(URL)
    async with post.db.writing(post.founder) as tx:
        read = await store.get_endpoint(tx, endpoint.endpoint_id)
        await rotate(post, endpoint)  # commits between the read and the write
        assert not await store.advance_secret(tx, read, post.secrets.key_id, 60)
    made = await asyncio.gather(*(rotate(post, endpoint) for _ in range(4)), return_exceptions=True)
    good = [one for one in made if isinstance(one, EndpointWithSecret)]
    bad = [one for one in made if not isinstance(one, EndpointWithSecret)]
    assert all(isinstance(one, WebhookEndpointMoved) for one in bad)
    assert len({one.secret for one in good}) == len(good) >= 1
    numbers = sorted(one.endpoint.secret_number for one in good)
    assert numbers == list(range(3, 3 + len(good)))


async def test_a_tenant_has_no_more_endpoints_than_it_may_however_many_ask_at_once(
    post: Post,
) -> None:
    for _ in range(ENDPOINTS_MAX - 2):
        await post.endpoint(URL)
    made = await asyncio.gather(*(post.endpoint(URL) for _ in range(6)), return_exceptions=True)
    refused = [one for one in made if isinstance(one, Refusal)]
    assert [type(one) for one in refused] == [WebhookEndpointsFull] * 4
    async with post.db.reading(post.founder) as tx:
        found = await service.list_endpoints(tx, after=None, limit=100)
    assert len(found) == ENDPOINTS_MAX
    await remove(post, found[0])
    await post.endpoint(URL)


async def test_this_machine_is_refused_where_the_setting_does_not_say_otherwise(
    post: Post,
) -> None:
    asked = AddEndpoint(url="http://127.0.0.1:1/", name="x")
    async with post.db.writing(post.founder) as tx:
        with pytest.raises(WebhookUrlRefused):
            await service.add_endpoint(tx, asked, post.ids, post.secrets, to_loopback=False)


async def test_another_tenants_endpoint_is_not_found_by_any_way(post: Post, stranger: Post) -> None:
    endpoint = await post.endpoint(URL)
    ways = (
        stranger.change(endpoint, EndpointStatus.DISABLED),
        rotate(stranger, endpoint),
        remove(stranger, endpoint),
        stranger.rows(endpoint),
    )
    for way in ways:
        with pytest.raises(WebhookEndpointNotFound):
            await way
    async with stranger.db.reading(stranger.founder) as tx:
        assert await service.list_endpoints(tx, after=None, limit=10) == []
