"""Actors, roles and keys over HTTP."""

from typing import Final, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.ids import ActorId
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.storage.database import Writing
from placet.tenancy import service, store
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
from placet.tenancy.model import (
    Actor,
    ApiKey,
    ApiKeyId,
    CreateActor,
    GrantRole,
    IssueApiKey,
    IssuedApiKey,
    Me,
    RoleGrant,
)

T = TypeVar("T", bound=msgspec.Struct)

_CREATE_ACTOR: Final = msgspec.json.Decoder(CreateActor)
_GRANT_ROLE: Final = msgspec.json.Decoder(GrantRole)
_ISSUE_KEY: Final = msgspec.json.Decoder(IssueApiKey)
_ANY_SCOPE: Final = tuple(Scope)
_SEES_PEOPLE: Final = (Scope.ADMIN, Scope.AUDIT, Scope.READ)
_SEES_KEYS: Final = (Scope.ADMIN, Scope.AUDIT)


@get("/api/v1/tenancy/me", opt=RouteOpt(scope=_ANY_SCOPE, answer=Me))
async def get_me(request: AppRequest) -> Response[bytes]:
    """Return whom the service takes the caller for."""
    caller = principal_of(request)
    async with database_of(request).reading(caller) as tx:
        me = Me(
            tenant_id=caller.tenant_id,
            actor=await store.get_actor(tx, caller.actor_id),
            roles=await store.list_grants(tx, caller.actor_id),
            key_id=caller.key_id,
            scopes=sorted(caller.scopes),
            agent=caller.agent,
            environment=caller.environment,
        )
    return answer(me)


@post(
    "/api/v1/tenancy/actors",
    opt=RouteOpt(scope=Scope.ADMIN, body=CreateActor, answer=Actor, status=201, keyed=True),
)
async def create_actor(request: AppRequest) -> Response[bytes]:
    """Add a person, an agent or a service to the tenant."""
    raw = await body_of(request)
    asked = bodies.decode(_CREATE_ACTOR, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.create_actor(tx, asked, ids_of(request)), status=201)

    return await answered(request, raw, work)


@get(
    "/api/v1/tenancy/actors",
    opt=RouteOpt(scope=_SEES_PEOPLE, query=PageQuery, answer=Page[Actor]),
)
async def list_actors(request: AppRequest) -> Response[bytes]:
    """List the actors of the tenant in the order of their making."""
    page = query_of(request, PageQuery)
    after = None if page.cursor is None else ActorId(_uuid_in(page.cursor))
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_actors(tx, after=after, limit=page.limit + 1)
    return answer(_page(found, page.limit, "actor_id"))


@post(
    "/api/v1/tenancy/actors/{actor_id:uuid}/disable",
    opt=RouteOpt(scope=Scope.ADMIN, answer=Actor, keyed=True),
)
async def disable_actor(request: AppRequest, actor_id: FromPath[UUID]) -> Response[bytes]:
    """Make every key of an actor count for nothing from the next request on."""

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.disable_actor(tx, ActorId(actor_id), ids_of(request)))

    return await answered(request, b"", work)


@post(
    "/api/v1/tenancy/role-grants",
    opt=RouteOpt(scope=Scope.ADMIN, body=GrantRole, answer=RoleGrant, status=201, keyed=True),
)
async def grant_role(request: AppRequest) -> Response[bytes]:
    """Give an actor a role. Keys already issued carry no more than before."""
    raw = await body_of(request)
    asked = bodies.decode(_GRANT_ROLE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.grant_role(tx, asked, ids_of(request)), status=201)

    return await answered(request, raw, work)


@post(
    "/api/v1/tenancy/api-keys",
    opt=RouteOpt(scope=Scope.ADMIN, body=IssueApiKey, answer=IssuedApiKey, status=201, keyed=True),
)
async def issue_key(request: AppRequest) -> Response[bytes]:
    """Issue an API key. Its text is in this answer and in no other."""
    raw = await body_of(request)
    asked = bodies.decode(_ISSUE_KEY, raw)

    async def work(tx: Writing) -> Answer:
        issued = await service.issue_key(tx, asked, ids_of(request))
        return Answer(value=issued, status=201, kept=msgspec.structs.replace(issued, api_key=None))

    return await answered(request, raw, work)


@get(
    "/api/v1/tenancy/api-keys",
    opt=RouteOpt(scope=_SEES_KEYS, query=PageQuery, answer=Page[ApiKey]),
)
async def list_keys(request: AppRequest) -> Response[bytes]:
    """List the keys of the tenant, live and ended, without their secrets."""
    page = query_of(request, PageQuery)
    after = None if page.cursor is None else ApiKeyId(str(_position(page.cursor)))
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_keys(tx, after=after, limit=page.limit + 1)
    return answer(_page(found, page.limit, "key_id"))


@post(
    "/api/v1/tenancy/api-keys/{key_id:str}/revoke",
    opt=RouteOpt(scope=Scope.ADMIN, answer=ApiKey, keyed=True),
)
async def revoke_key(request: AppRequest, key_id: FromPath[str]) -> Response[bytes]:
    """End a key from the next request on."""

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.revoke_key(tx, ApiKeyId(key_id), ids_of(request)))

    return await answered(request, b"", work)


def _page(found: list[T], limit: int, order: str) -> Page[T]:
    """Return a page of `limit` of the `limit + 1` that were looked for, in the order of a field."""
    if len(found) <= limit:
        return Page(items=found)
    shown = found[:limit]
    return Page(items=shown, next_cursor=encode_cursor([str(getattr(shown[-1], order))]))


def _position(cursor: str) -> str | int:
    position = decode_cursor(cursor)
    if len(position) != 1:
        raise _bad_cursor()
    return position[0]


def _uuid_in(cursor: str) -> UUID:
    try:
        return UUID(str(_position(cursor)))
    except ValueError as fault:
        raise _bad_cursor() from fault


def _bad_cursor() -> MalformedQuery:
    return MalformedQuery(detail="the cursor is not one that this service gave", parameter="cursor")


HANDLERS: Final[list[HTTPRouteHandler]] = [
    get_me,
    create_actor,
    list_actors,
    disable_actor,
    grant_role,
    issue_key,
    list_keys,
    revoke_key,
]
