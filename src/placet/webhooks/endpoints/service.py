"""Adding endpoints, rotating their secrets, and ending them."""

from typing import Final
from uuid import UUID

from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.storage.database import Reading, Writing
from placet.storage.work import put_due
from placet.webhooks.endpoints import rules, store
from placet.webhooks.endpoints.model import (
    ENDPOINTS_MAX,
    SEND_WEBHOOKS,
    AddEndpoint,
    EndpointAnswer,
    EndpointId,
    EndpointStatus,
    EndpointWithSecret,
    RotateSecret,
    WebhookEndpoint,
    WebhookEndpointAdded,
    WebhookEndpointChanged,
    WebhookEndpointMoved,
    WebhookEndpointsFull,
    WebhookSecretRotated,
)
from placet.webhooks.endpoints.signing import SigningSecrets

_FROM: Final = {
    EndpointStatus.ACTIVE: (EndpointStatus.DISABLED,),
    EndpointStatus.DISABLED: (EndpointStatus.ACTIVE,),
    EndpointStatus.REMOVED: (EndpointStatus.ACTIVE, EndpointStatus.DISABLED),
}


async def add_endpoint(
    tx: Writing, asked: AddEndpoint, ids: Ids, secrets: SigningSecrets, *, to_loopback: bool
) -> EndpointWithSecret:
    """Name an address that is told of events from now on, and show its secret.

    `to_loopback` tells whether addresses of this machine may be named. Refuses
    `webhook_url_refused` with every reason and `webhook_endpoints_full`.
    """
    rules.check_url(asked.url, to_loopback=to_loopback)
    await store.hold_endpoints(tx)
    if len(await store.list_endpoints(tx, after=None, limit=ENDPOINTS_MAX)) == ENDPOINTS_MAX:
        raise WebhookEndpointsFull(detail=f"the tenant has {ENDPOINTS_MAX} webhook endpoints")
    endpoint = WebhookEndpoint(
        tenant_id=tx.tenant_id,
        endpoint_id=EndpointId(ids.new()),
        name=asked.name,
        url=asked.url,
        event_types=sorted(set(asked.event_types)),
        status=EndpointStatus.ACTIVE,
        secret_number=1,
        secret_key_id=secrets.key_id,
        previous_key_id=None,
        previous_until=None,
        created_by=tx.actor_id,
        created_at=await tx.now(),
    )
    await store.insert_endpoint(tx, endpoint)
    added = WebhookEndpointAdded(
        endpoint_id=endpoint.endpoint_id,
        name=endpoint.name,
        url=endpoint.url,
        event_types=endpoint.event_types,
    )
    await tell(tx, added, ids)
    return _with_secret(endpoint, secrets)


async def rotate_secret(
    tx: Writing, endpoint_id: UUID, asked: RotateSecret, ids: Ids, secrets: SigningSecrets
) -> EndpointWithSecret:
    """Give an endpoint a new secret and show it; the one before signs beside it for a time.

    What signed before the one before signs no more. Refuses `webhook_endpoint_not_found` and
    `webhook_endpoint_moved`.
    """
    endpoint = await store.get_endpoint(tx, endpoint_id)
    if not await store.advance_secret(tx, endpoint, secrets.key_id, asked.overlap_seconds):
        raise WebhookEndpointMoved(detail="the endpoint has got another secret meanwhile")
    rotated = await store.get_endpoint(tx, endpoint_id)
    said = WebhookSecretRotated(
        endpoint_id=rotated.endpoint_id,
        secret_number=rotated.secret_number,
        previous_until=rotated.previous_until or await tx.now(),
    )
    await tell(tx, said, ids)
    return _with_secret(rotated, secrets)


async def change_status(
    tx: Writing, endpoint_id: UUID, to: EndpointStatus, reason: str, ids: Ids
) -> EndpointAnswer:
    """Disable, enable or remove an endpoint. Done twice is fine, but for a removal.

    What waits for a removed one is for the caller to drop. Refuses `webhook_endpoint_not_found`.
    """
    before = await store.get_endpoint(tx, endpoint_id)
    if await store.advance_status(tx, endpoint_id, _FROM[to], to):
        if to is EndpointStatus.ACTIVE:
            await put_due(tx, SEND_WEBHOOKS, endpoint_id, await tx.now())
        said = WebhookEndpointChanged(endpoint_id=before.endpoint_id, status=to, reason=reason)
        await tell(tx, said, ids)
    if to is EndpointStatus.REMOVED:
        return show(before, to)
    return show(await store.get_endpoint(tx, endpoint_id))


async def list_endpoints(tx: Reading, *, after: UUID | None, limit: int) -> list[EndpointAnswer]:
    """Return up to `limit` endpoints that are not removed, in the order of their making."""
    return [show(each) for each in await store.list_endpoints(tx, after=after, limit=limit)]


def show(endpoint: WebhookEndpoint, status: EndpointStatus | None = None) -> EndpointAnswer:
    """Return an endpoint as it is shown."""
    return EndpointAnswer(
        endpoint_id=endpoint.endpoint_id,
        name=endpoint.name,
        url=endpoint.url,
        event_types=endpoint.event_types,
        status=status or endpoint.status,
        secret_number=endpoint.secret_number,
        previous_until=endpoint.previous_until,
        created_by=endpoint.created_by,
        created_at=endpoint.created_at,
    )


async def tell(tx: Writing, said: Value, ids: Ids) -> None:
    """Append an event about webhooks to the tenant's stream. Comes last in a transaction."""
    stream = tenant_stream(tx.tenant_id, StreamKind.TENANCY)
    await events.append(tx, stream, StreamKind.TENANCY, [new_event(ids, said)])


def _with_secret(endpoint: WebhookEndpoint, secrets: SigningSecrets) -> EndpointWithSecret:
    text = secrets.text(endpoint.tenant_id, endpoint.endpoint_id, endpoint.secret_number)
    return EndpointWithSecret(endpoint=show(endpoint), secret=text)
