"""Questions about endpoints, and the guarded changes of their status and secrets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from placet.storage.database import Reading, Writing
from placet.webhooks.endpoints.model import (
    EndpointStatus,
    WebhookEndpoint,
    WebhookEndpointNotFound,
)
from placet.webhooks.endpoints.tables import ENDPOINT

_HOLD = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def hold_endpoints(tx: Writing) -> None:
    """Keep the number of the tenant's endpoints as it is until the transaction is over.

    Race: two that are added at once would both count the same number before.
    """
    await tx.rows(_HOLD.bindparams(name=f"placet.webhooks {tx.tenant_id}"))


async def insert_endpoint(tx: Writing, endpoint: WebhookEndpoint) -> None:
    """Write an endpoint."""
    await tx.insert(ENDPOINT, endpoint)


async def get_endpoint(tx: Reading, endpoint_id: UUID) -> WebhookEndpoint:
    """Return an endpoint that is not removed. Refuses `webhook_endpoint_not_found`."""
    found = await tx.find(WebhookEndpoint, _standing(tx).where(_is(endpoint_id)))
    if found is None:
        raise WebhookEndpointNotFound(detail="there is no webhook endpoint with this id")
    return found


async def list_endpoints(tx: Reading, *, after: UUID | None, limit: int) -> list[WebhookEndpoint]:
    """Return up to `limit` endpoints that are not removed, in the order of their making."""
    query = _standing(tx)
    if after is not None:
        query = query.where(ENDPOINT.c.endpoint_id > after)
    return await tx.list(WebhookEndpoint, query.order_by(ENDPOINT.c.endpoint_id).limit(limit))


async def list_active(tx: Reading) -> list[WebhookEndpoint]:
    """Return every endpoint that is told anything; there are few."""
    active = ENDPOINT.c.status == EndpointStatus.ACTIVE
    return await tx.list(WebhookEndpoint, _standing(tx).where(active))


async def advance_status(
    tx: Writing, endpoint_id: UUID, was: Sequence[EndpointStatus], to: EndpointStatus
) -> bool:
    """Change the status of an endpoint, if it is one of these. Returns whether it was."""
    change = (
        sa.update(ENDPOINT)
        .where(ENDPOINT.c.tenant_id == tx.tenant_id, _is(endpoint_id))
        .where(ENDPOINT.c.status.in_(was))
        .values(status=to)
    )
    return await tx.change(change) == 1


async def advance_secret(
    tx: Writing, endpoint: WebhookEndpoint, key_id: str, overlap_seconds: int
) -> bool:
    """Count the secret of an endpoint one up, if nobody has since it was read."""
    until = sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, overlap_seconds)
    change = (
        sa.update(ENDPOINT)
        .where(ENDPOINT.c.tenant_id == tx.tenant_id, _is(endpoint.endpoint_id))
        .where(ENDPOINT.c.status != EndpointStatus.REMOVED)
        .where(ENDPOINT.c.secret_number == endpoint.secret_number)
        .values(
            secret_number=endpoint.secret_number + 1,
            secret_key_id=key_id,
            previous_key_id=endpoint.secret_key_id,
            previous_until=until,
        )
    )
    return await tx.change(change) == 1


def _standing(tx: Reading) -> sa.Select[Any]:
    return sa.select(ENDPOINT).where(
        ENDPOINT.c.tenant_id == tx.tenant_id, ENDPOINT.c.status != EndpointStatus.REMOVED
    )


def _is(endpoint_id: UUID) -> sa.ColumnElement[bool]:
    return ENDPOINT.c.endpoint_id == endpoint_id
