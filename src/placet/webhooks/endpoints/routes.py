"""Webhook endpoints over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.settings import Settings
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
    kept_of,
    principal_of,
    query_of,
)
from placet.webhooks.endpoints import service, store
from placet.webhooks.endpoints.model import (
    AddEndpoint,
    ChangeEndpoint,
    EndpointAnswer,
    EndpointStatus,
    EndpointWithSecret,
    RotateSecret,
)
from placet.webhooks.endpoints.signing import SigningSecrets

_ADD: Final = msgspec.json.Decoder(AddEndpoint)
_ROTATE: Final = msgspec.json.Decoder(RotateSecret)
_CHANGE: Final = msgspec.json.Decoder(ChangeEndpoint)
_ENDPOINTS: Final = "/api/v1/webhooks/endpoints"
_ENDPOINT: Final = f"{_ENDPOINTS}/{{endpoint_id:uuid}}"
_WRITERS: Final = (Scope.OPERATE, Scope.ADMIN)
_READERS: Final = (Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@post(
    _ENDPOINTS,
    opt=RouteOpt(
        scope=_WRITERS, body=AddEndpoint, answer=EndpointWithSecret, status=201, keyed=True
    ),
)
async def add_endpoint(request: AppRequest) -> Response[bytes]:
    """Name an address that is told of events from now on. Its secret is in this answer alone."""
    raw = await body_of(request)
    asked = bodies.decode(_ADD, raw)
    secrets, settings = kept_of(request, SigningSecrets), kept_of(request, Settings)

    async def work(tx: Writing) -> Answer:
        made = await service.add_endpoint(
            tx, asked, ids_of(request), secrets, to_loopback=settings.webhooks_to_loopback
        )
        return Answer(value=made, status=201, kept=msgspec.structs.replace(made, secret=None))

    return await answered(request, raw, work)


@get(_ENDPOINTS, opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[EndpointAnswer]))
async def list_endpoints(request: AppRequest) -> Response[bytes]:
    """List the tenant's endpoints in the order of their making."""
    asked = query_of(request, PageQuery)
    after = after_of(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await service.list_endpoints(tx, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].endpoint_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@get(_ENDPOINT, opt=RouteOpt(scope=_READERS, answer=EndpointAnswer))
async def get_endpoint(request: AppRequest, endpoint_id: FromPath[UUID]) -> Response[bytes]:
    """Return one endpoint, without its secret."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(service.show(await store.get_endpoint(tx, endpoint_id)))


@post(
    f"{_ENDPOINT}/rotate",
    opt=RouteOpt(scope=_WRITERS, body=RotateSecret, answer=EndpointWithSecret, keyed=True),
)
async def rotate_secret(request: AppRequest, endpoint_id: FromPath[UUID]) -> Response[bytes]:
    """Give an endpoint a new secret. The one before signs beside it for a time."""
    raw = await body_of(request)
    asked = bodies.decode(_ROTATE, raw)
    secrets = kept_of(request, SigningSecrets)

    async def work(tx: Writing) -> Answer:
        made = await service.rotate_secret(tx, endpoint_id, asked, ids_of(request), secrets)
        return Answer(value=made, kept=msgspec.structs.replace(made, secret=None))

    return await answered(request, raw, work)


@post(
    f"{_ENDPOINT}/disable",
    opt=RouteOpt(scope=_WRITERS, body=ChangeEndpoint, answer=EndpointAnswer, keyed=True),
)
async def disable_endpoint(request: AppRequest, endpoint_id: FromPath[UUID]) -> Response[bytes]:
    """Send an endpoint nothing, and give it nothing new. What waits for it goes on waiting."""
    raw = await body_of(request)
    asked = bodies.decode(_CHANGE, raw)

    async def work(tx: Writing) -> Answer:
        to = EndpointStatus.DISABLED
        return Answer(
            value=await service.change_status(tx, endpoint_id, to, asked.reason, ids_of(request))
        )

    return await answered(request, raw, work)


def after_of(cursor: str | None) -> UUID | None:
    """Return the id that a cursor stands for. Refuses `malformed_query` for another."""
    if cursor is None:
        return None
    try:
        (position,) = decode_cursor(cursor)
        return UUID(str(position))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this list gave", parameter="cursor"
        ) from fault


HANDLERS: Final[list[HTTPRouteHandler]] = [
    add_endpoint,
    list_endpoints,
    get_endpoint,
    rotate_secret,
    disable_endpoint,
]
