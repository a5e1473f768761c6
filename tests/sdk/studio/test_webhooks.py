"""Webhooks through the studio's client, over real HTTP."""

import pytest
from tests.studio.story import Story

from placet.kernel.ids import Ids
from placet.sdk.studio.client import Studio
from placet.webhooks.deliveries.model import (
    DeliveryStatus,
    WebhookDeliveryNotFound,
    WebhookDeliveryNotParked,
)
from placet.webhooks.endpoints.model import (
    EndpointStatus,
    UrlFlaw,
    WebhookEndpointNotFound,
    WebhookType,
    WebhookUrlRefused,
)

URL = "https://hooks.example.com/placet"


async def test_an_endpoint_lives_from_its_secret_to_its_removal(
    founder: Studio, story: Story, ids: Ids
) -> None:
    made = await founder.webhooks.add(URL, "desk", types=[WebhookType.APPROVAL_GRANTED])
    which = made.endpoint.endpoint_id
    assert made.secret is not None
    rotated = await founder.webhooks.rotate(which, overlap_seconds=0)
    assert rotated.secret not in {None, made.secret}
    await story.approved()
    (waiting,) = (await founder.webhooks.deliveries(which)).items
    assert (waiting.event_type, waiting.status) == ("ApprovalGranted", DeliveryStatus.DUE)
    every = [row async for row in founder.webhooks.every_delivery(which)]
    assert every == [waiting]
    with pytest.raises(WebhookDeliveryNotParked):
        await founder.webhooks.release(which, waiting.event_id, "a test")
    with pytest.raises(WebhookDeliveryNotFound):
        await founder.webhooks.skip(which, ids.new(), "a test")
    assert (await founder.webhooks.disable(which, "x")).status is EndpointStatus.DISABLED
    assert (await founder.webhooks.enable(which, "x")).status is EndpointStatus.ACTIVE
    assert [each.endpoint_id async for each in founder.webhooks.every()] == [which]
    assert (await founder.webhooks.remove(which, "x")).status is EndpointStatus.REMOVED
    assert (await founder.webhooks.page()).items == []
    with pytest.raises(WebhookEndpointNotFound):
        await founder.webhooks.get(which)


async def test_an_address_that_may_not_be_called_is_refused_with_its_reasons(
    founder: Studio,
) -> None:
    with pytest.raises(WebhookUrlRefused) as refused:
        await founder.webhooks.add("https://127.0.0.1:22/", "desk")
    codes = {reason.code for reason in refused.value.reasons}
    assert codes == {UrlFlaw.ADDRESS, UrlFlaw.PORT}
