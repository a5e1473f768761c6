"""What an operator does about the outbox, and enabling or ending an endpoint with what waits."""

from uuid import UUID

from placet.kernel.ids import Ids
from placet.storage.database import Reading, Writing
from placet.storage.work import put_due
from placet.webhooks.deliveries import store
from placet.webhooks.deliveries.model import (
    DecideDelivery,
    DeliveryAnswer,
    DeliveryStatus,
    Outcome,
    WebhookDelivery,
    WebhookDeliveryNotParked,
    WebhookDeliveryParked,
    WebhookDeliveryReleased,
    WebhookDeliverySkipped,
)
from placet.webhooks.endpoints import service as endpoints
from placet.webhooks.endpoints import store as endpoint_store
from placet.webhooks.endpoints.model import (
    SEND_WEBHOOKS,
    ChangeEndpoint,
    EndpointAnswer,
    EndpointStatus,
)


async def list_deliveries(
    tx: Reading,
    endpoint_id: UUID,
    *,
    status: DeliveryStatus | None,
    after: UUID | None,
    limit: int,
) -> list[DeliveryAnswer]:
    """Return up to `limit` deliveries of an endpoint, the newest event first.

    Refuses `webhook_endpoint_not_found`.
    """
    endpoint = await endpoint_store.get_endpoint(tx, endpoint_id)
    return await store.list_deliveries(
        tx, endpoint.endpoint_id, status=status, after=after, limit=limit
    )


async def release_delivery(
    tx: Writing, endpoint_id: UUID, event_id: UUID, asked: DecideDelivery, ids: Ids
) -> DeliveryAnswer:
    """Try a parked delivery again, for another 24 hours.

    Refuses `webhook_endpoint_not_found`, `webhook_delivery_not_found` and
    `webhook_delivery_not_parked`.
    """
    parked = await _decided(tx, endpoint_id, event_id, DeliveryStatus.DUE)
    said = WebhookDeliveryReleased(
        endpoint_id=parked.endpoint_id, event_id=event_id, reason=asked.reason
    )
    await endpoints.tell(tx, said, ids)
    return _show(await store.get_delivery(tx, endpoint_id, event_id))


async def skip_delivery(
    tx: Writing, endpoint_id: UUID, event_id: UUID, asked: DecideDelivery, ids: Ids
) -> DeliveryAnswer:
    """Never tell an endpoint of a parked event, and let through what comes after it.

    Refuses as `release_delivery` does.
    """
    parked = await _decided(tx, endpoint_id, event_id, DeliveryStatus.SKIPPED)
    said = WebhookDeliverySkipped(
        endpoint_id=parked.endpoint_id,
        event_id=event_id,
        event_type=parked.event_type,
        reason=asked.reason,
    )
    await endpoints.tell(tx, said, ids)
    return _show(await store.get_delivery(tx, endpoint_id, event_id))


async def enable_endpoint(
    tx: Writing, endpoint_id: UUID, asked: ChangeEndpoint, ids: Ids
) -> EndpointAnswer:
    """Tell a disabled endpoint again. What waits for it is tried at once, and for 24 hours anew.

    For one that is active nothing changes. Refuses `webhook_endpoint_not_found`.
    """
    endpoint = await endpoint_store.get_endpoint(tx, endpoint_id)
    if endpoint.status is EndpointStatus.DISABLED:
        await store.begin_again(tx, endpoint_id)
    return await endpoints.change_status(tx, endpoint_id, EndpointStatus.ACTIVE, asked.reason, ids)


async def remove_endpoint(
    tx: Writing, endpoint_id: UUID, asked: ChangeEndpoint, ids: Ids
) -> EndpointAnswer:
    """End an endpoint for ever, and drop what waits for it.

    Refuses `webhook_endpoint_not_found`.
    """
    await endpoint_store.get_endpoint(tx, endpoint_id)
    await store.drop_open(tx, endpoint_id)
    # Race: an event that is being written may still see the endpoint; the next pass drops it.
    await put_due(tx, SEND_WEBHOOKS, endpoint_id, await tx.now())
    return await endpoints.change_status(tx, endpoint_id, EndpointStatus.REMOVED, asked.reason, ids)


async def park_delivery(tx: Writing, given_up: WebhookDelivery, outcome: Outcome, ids: Ids) -> bool:
    """Give up a delivery that is claimed. Returns False if its claim is no longer this one.

    Tells it in the tenant's stream: whoever watches that needs no look at the outbox.
    """
    if not await store.advance_after_fault(tx, given_up, outcome, None):
        return False
    said = WebhookDeliveryParked(
        endpoint_id=given_up.endpoint_id,
        event_id=given_up.event_id,
        event_type=given_up.event_type,
        attempts=given_up.attempts,
        last_status=outcome.status,
        last_fault=outcome.fault,
    )
    await endpoints.tell(tx, said, ids)
    return True


async def _decided(
    tx: Writing, endpoint_id: UUID, event_id: UUID, to: DeliveryStatus
) -> WebhookDelivery:
    """Take a delivery out of its park, and wake a sender."""
    await endpoint_store.get_endpoint(tx, endpoint_id)
    parked = await store.get_delivery(tx, endpoint_id, event_id)
    if not await store.advance_from_parked(tx, parked, to):
        now = await store.get_delivery(tx, endpoint_id, event_id)
        raise WebhookDeliveryNotParked(
            detail=f"the delivery is `{now.status}`", delivery_status=now.status
        )
    await put_due(tx, SEND_WEBHOOKS, endpoint_id, await tx.now())
    return parked


def _show(delivery: WebhookDelivery) -> DeliveryAnswer:
    told = {
        name: getattr(delivery, name)
        for name in DeliveryAnswer.__struct_fields__
        if name != "waits_for"
    }
    return DeliveryAnswer(**told, waits_for=None)
