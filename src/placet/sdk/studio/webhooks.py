"""Webhooks."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.webhooks.deliveries.model import DecideDelivery, DeliveryAnswer, DeliveryStatus
from placet.webhooks.endpoints.model import (
    OVERLAP_SECONDS_DEFAULT,
    AddEndpoint,
    ChangeEndpoint,
    EndpointAnswer,
    EndpointWithSecret,
    RotateSecret,
    WebhookType,
)

_PATH: Final = "/webhooks/endpoints"
_ENDPOINT: Final = f"{_PATH}/{{id}}"
_DELIVERIES: Final = f"{_ENDPOINT}/deliveries"
_DELIVERY: Final = f"{_DELIVERIES}/{{event_id}}"


class Webhooks:
    """Addresses that are told of what happens, and what became of each telling."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def add(
        self, url: str, name: str, *, types: Sequence[WebhookType] = (), key: str | None = None
    ) -> EndpointWithSecret:
        """Name an address that is told of these types of events, or of all of them.

        Its secret is in this answer and in no other.
        """
        asked = AddEndpoint(url=url, name=name, event_types=list(types))
        return await self._door.post(_PATH, EndpointWithSecret, asked, key=key)

    async def get(self, endpoint_id: UUID) -> EndpointAnswer:
        """Return one endpoint, without its secret."""
        return await self._door.get(path_of(_ENDPOINT, id=endpoint_id), EndpointAnswer)

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[EndpointAnswer]:
        """Return one page of the tenant's endpoints in the order of their making."""
        return await self._door.page(_PATH, Page[EndpointAnswer], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[EndpointAnswer]:
        """Yield every endpoint of the tenant."""
        return self._door.every(_PATH, Page[EndpointAnswer])

    async def rotate(
        self,
        endpoint_id: UUID,
        *,
        overlap_seconds: int = OVERLAP_SECONDS_DEFAULT,
        key: str | None = None,
    ) -> EndpointWithSecret:
        """Give an endpoint a new secret; the one before signs beside it for so long."""
        path = path_of(f"{_ENDPOINT}/rotate", id=endpoint_id)
        asked = RotateSecret(overlap_seconds=overlap_seconds)
        return await self._door.post(path, EndpointWithSecret, asked, key=key)

    async def disable(
        self, endpoint_id: UUID, reason: str, *, key: str | None = None
    ) -> EndpointAnswer:
        """Send an endpoint nothing until it is enabled; what waits for it goes on waiting."""
        return await self._change(endpoint_id, "disable", reason, key)

    async def enable(
        self, endpoint_id: UUID, reason: str, *, key: str | None = None
    ) -> EndpointAnswer:
        """Tell a disabled endpoint again."""
        return await self._change(endpoint_id, "enable", reason, key)

    async def remove(
        self, endpoint_id: UUID, reason: str, *, key: str | None = None
    ) -> EndpointAnswer:
        """End an endpoint for ever; what waits for it is never sent."""
        return await self._change(endpoint_id, "remove", reason, key)

    async def deliveries(
        self,
        endpoint_id: UUID,
        *,
        status: DeliveryStatus | None = None,
        cursor: str | None = None,
        limit: int = PAGE_DEFAULT,
    ) -> Page[DeliveryAnswer]:
        """Return one page of what an endpoint was told or is to be told, the newest first."""
        path = path_of(_DELIVERIES, id=endpoint_id)
        return await self._door.page(
            path, Page[DeliveryAnswer], cursor=cursor, limit=limit, status=status
        )

    def every_delivery(
        self, endpoint_id: UUID, *, status: DeliveryStatus | None = None
    ) -> AsyncIterator[DeliveryAnswer]:
        """Yield every delivery of an endpoint, or every one of a status."""
        path = path_of(_DELIVERIES, id=endpoint_id)
        return self._door.every(path, Page[DeliveryAnswer], status=status)

    async def release(
        self, endpoint_id: UUID, event_id: UUID, reason: str, *, key: str | None = None
    ) -> DeliveryAnswer:
        """Try a parked delivery again, for another 24 hours."""
        return await self._decide(endpoint_id, event_id, "release", reason, key)

    async def skip(
        self, endpoint_id: UUID, event_id: UUID, reason: str, *, key: str | None = None
    ) -> DeliveryAnswer:
        """Never tell an endpoint of a parked event, and let through what comes after it."""
        return await self._decide(endpoint_id, event_id, "skip", reason, key)

    async def _change(
        self, endpoint_id: UUID, verb: str, reason: str, key: str | None
    ) -> EndpointAnswer:
        path = path_of(f"{_ENDPOINT}/{verb}", id=endpoint_id)
        return await self._door.post(path, EndpointAnswer, ChangeEndpoint(reason=reason), key=key)

    async def _decide(
        self, endpoint_id: UUID, event_id: UUID, verb: str, reason: str, key: str | None
    ) -> DeliveryAnswer:
        path = path_of(f"{_DELIVERY}/{verb}", id=endpoint_id, event_id=event_id)
        return await self._door.post(path, DeliveryAnswer, DecideDelivery(reason=reason), key=key)
