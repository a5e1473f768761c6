"""The outbox over HTTP, and what goes on or ends for it with its endpoint."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, encode_cursor
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    ids_of,
    principal_of,
    query_of,
)
from placet.webhooks.deliveries import service
from placet.webhooks.deliveries.model import DecideDelivery, DeliveryAnswer, DeliveryStatus
from placet.webhooks.endpoints.model import ChangeEndpoint, EndpointAnswer
from placet.webhooks.endpoints.routes import after_of

_DECIDE: Final = msgspec.json.Decoder(DecideDelivery)
_CHANGE: Final = msgspec.json.Decoder(ChangeEndpoint)
_ENDPOINT: Final = "/api/v1/webhooks/endpoints/{endpoint_id:uuid}"
_DELIVERY: Final = f"{_ENDPOINT}/deliveries/{{event_id:uuid}}"
_WRITERS: Final = (Scope.OPERATE, Scope.ADMIN)
_READERS: Final = (Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


class DeliveryQuery(PageQuery, frozen=True):
    """How much of the outbox, from where, and of which status."""

    status: DeliveryStatus | None = None


@get(
    f"{_ENDPOINT}/deliveries",
    opt=RouteOpt(scope=_READERS, query=DeliveryQuery, answer=Page[DeliveryAnswer]),
)
async def list_deliveries(request: AppRequest, endpoint_id: FromPath[UUID]) -> Response[bytes]:
    """List what an endpoint was told or is to be told, the newest event first."""
    asked = query_of(request, DeliveryQuery)
    after = after_of(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await service.list_deliveries(
            tx, endpoint_id, status=asked.status, after=after, limit=asked.limit + 1
        )
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].event_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@post(
    f"{_DELIVERY}/release",
    opt=RouteOpt(scope=_WRITERS, body=DecideDelivery, answer=DeliveryAnswer, keyed=True),
)
async def release_delivery(
    request: AppRequest, endpoint_id: FromPath[UUID], event_id: FromPath[UUID]
) -> Response[bytes]:
    """Try a parked delivery again, for another 24 hours."""
    raw = await body_of(request)
    asked = bodies.decode(_DECIDE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(
            value=await service.release_delivery(tx, endpoint_id, event_id, asked, ids_of(request))
        )

    return await answered(request, raw, work)


@post(
    f"{_DELIVERY}/skip",
    opt=RouteOpt(scope=_WRITERS, body=DecideDelivery, answer=DeliveryAnswer, keyed=True),
)
async def skip_delivery(
    request: AppRequest, endpoint_id: FromPath[UUID], event_id: FromPath[UUID]
) -> Response[bytes]:
    """Never tell the endpoint of a parked event, and let through what comes after it."""
    raw = await body_of(request)
    asked = bodies.decode(_DECIDE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(
            value=await service.skip_delivery(tx, endpoint_id, event_id, asked, ids_of(request))
        )

    return await answered(request, raw, work)


@post(
    f"{_ENDPOINT}/enable",
    opt=RouteOpt(scope=_WRITERS, body=ChangeEndpoint, answer=EndpointAnswer, keyed=True),
)
async def enable_endpoint(request: AppRequest, endpoint_id: FromPath[UUID]) -> Response[bytes]:
    """Tell a disabled endpoint again: of what waits for it, and of what happens from now on."""
    raw = await body_of(request)
    asked = bodies.decode(_CHANGE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.enable_endpoint(tx, endpoint_id, asked, ids_of(request)))

    return await answered(request, raw, work)


@post(
    f"{_ENDPOINT}/remove",
    opt=RouteOpt(scope=_WRITERS, body=ChangeEndpoint, answer=EndpointAnswer, keyed=True),
)
async def remove_endpoint(request: AppRequest, endpoint_id: FromPath[UUID]) -> Response[bytes]:
    """End an endpoint for ever. What waits for it is never sent."""
    raw = await body_of(request)
    asked = bodies.decode(_CHANGE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.remove_endpoint(tx, endpoint_id, asked, ids_of(request)))

    return await answered(request, raw, work)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    list_deliveries,
    release_delivery,
    skip_delivery,
    enable_endpoint,
    remove_endpoint,
]
