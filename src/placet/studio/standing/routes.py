"""Standing grants over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_ids, encode_cursor
from placet.kernel.principal import Scope
from placet.replay.sessions.policies import Policies
from placet.replay.standing import store
from placet.storage.database import Writing
from placet.studio.standing import rules, service
from placet.studio.standing.model import (
    GiveStanding,
    RevokeStanding,
    StandingTerms,
    StandingView,
)
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

_GIVE: Final = msgspec.json.Decoder(GiveStanding)
_REVOKE: Final = msgspec.json.Decoder(RevokeStanding)
_GRANTS: Final = "/api/v1/replay/standing-grants"
_READERS: Final = (Scope.READ, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT)


@get(
    f"{_GRANTS}/terms/{{workspace_id:uuid}}/{{tool:str}}",
    opt=RouteOpt(scope=Scope.APPROVE, answer=StandingTerms),
)
async def get_terms(
    request: AppRequest, workspace_id: FromPath[UUID], tool: FromPath[str]
) -> Response[bytes]:
    """Return what a standing grant of a tool signs of the contract that is in force."""
    policies = kept_of(request, Policies)
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        return answer(await service.show_terms(tx, principal, workspace_id, tool, policies))


@post(
    _GRANTS,
    opt=RouteOpt(
        scope=Scope.APPROVE, body=GiveStanding, answer=StandingView, status=201, keyed=True
    ),
)
async def give_standing(request: AppRequest) -> Response[bytes]:
    """Put a signed standing grant in force: a yes to calls that are yet to come."""
    raw = await body_of(request)
    asked = bodies.decode(_GIVE, raw)
    policies, principal = kept_of(request, Policies), principal_of(request)

    async def work(tx: Writing) -> Answer:
        value = await service.give_standing(tx, principal, asked, policies, ids_of(request))
        return Answer(value=value, status=201)

    return await answered(request, raw, work)


@post(
    f"{_GRANTS}/{{standing_id:uuid}}/revoke",
    opt=RouteOpt(
        scope=(Scope.APPROVE, Scope.OPERATE), body=RevokeStanding, answer=StandingView, keyed=True
    ),
)
async def revoke_standing(request: AppRequest, standing_id: FromPath[UUID]) -> Response[bytes]:
    """End a standing grant: no call is granted by it from the answer on."""
    raw = await body_of(request)
    asked = bodies.decode(_REVOKE, raw)
    principal = principal_of(request)

    async def work(tx: Writing) -> Answer:
        value = await service.revoke_standing(tx, principal, standing_id, asked, ids_of(request))
        return Answer(value=value)

    return await answered(request, raw, work)


@get(_GRANTS, opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[StandingView]))
async def list_standing(request: AppRequest) -> Response[bytes]:
    """List standing grants, those that are over too, by their ids."""
    asked = query_of(request, PageQuery)
    after = None if asked.cursor is None else decode_ids(asked.cursor)[0]
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        found = await store.list_grants(tx, principal, after=after, limit=asked.limit + 1)
    items = [rules.view_of(grant) for grant in found[: asked.limit]]
    cursor = encode_cursor([str(items[-1].standing_id)]) if len(found) > len(items) else None
    return answer(Page(items=items, next_cursor=cursor))


HANDLERS = [get_terms, give_standing, revoke_standing, list_standing]
