"""Issuers over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.authority.issuers import service, store
from placet.authority.issuers.model import IssuerView, RegisterIssuer, RevokeIssuer
from placet.authority.issuers.rules import view_of
from placet.kernel import bodies
from placet.kernel.paging import Page, decode_ids, encode_cursor
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

_REGISTER: Final = msgspec.json.Decoder(RegisterIssuer)
_REVOKE: Final = msgspec.json.Decoder(RevokeIssuer)
_ISSUERS: Final = "/api/v1/authority/issuers"
_READERS: Final = (
    Scope.READ,
    Scope.AUTHOR,
    Scope.APPROVE,
    Scope.OPERATE,
    Scope.AUDIT,
    Scope.ADMIN,
)


@post(
    _ISSUERS,
    opt=RouteOpt(scope=Scope.ADMIN, body=RegisterIssuer, answer=IssuerView, status=201, keyed=True),
)
async def register_issuer(request: AppRequest) -> Response[bytes]:
    """Register who may say for whom an agent acts, and the key that it signs with."""
    raw = await body_of(request)
    asked = bodies.decode(_REGISTER, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.register_issuer(tx, asked, ids_of(request)), status=201)

    return await answered(request, raw, work)


@post(
    f"{_ISSUERS}/{{issuer_id:uuid}}/revoke",
    opt=RouteOpt(
        scope=(Scope.OPERATE, Scope.ADMIN), body=RevokeIssuer, answer=IssuerView, keyed=True
    ),
)
async def revoke_issuer(request: AppRequest, issuer_id: FromPath[UUID]) -> Response[bytes]:
    """End a registration; no session is opened on what its key signed from the answer on."""
    raw = await body_of(request)
    asked = bodies.decode(_REVOKE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.revoke_issuer(tx, issuer_id, asked, ids_of(request)))

    return await answered(request, raw, work)


@get(_ISSUERS, opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[IssuerView]))
async def list_issuers(request: AppRequest) -> Response[bytes]:
    """List the issuers of the tenant, revoked ones too, the latest first."""
    asked = query_of(request, PageQuery)
    before = None if asked.cursor is None else decode_ids(asked.cursor)[0]
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_issuers(tx, before=before, limit=asked.limit + 1)
        shown = found[: asked.limit]
        ended = await store.list_revocations(tx, [issuer.issuer_id for issuer in shown])
    items = [view_of(issuer, ended.get(issuer.issuer_id)) for issuer in shown]
    cursor = encode_cursor([str(items[-1].issuer_id)]) if len(found) > len(items) else None
    return answer(Page(items=items, next_cursor=cursor))


HANDLERS = [register_issuer, revoke_issuer, list_issuers]
