"""Tool hosts over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.authority.tool_hosts import service, store
from placet.authority.tool_hosts.model import RegisterToolHost, RevokeToolHost, ToolHostView
from placet.authority.tool_hosts.rules import view_of
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

_REGISTER: Final = msgspec.json.Decoder(RegisterToolHost)
_REVOKE: Final = msgspec.json.Decoder(RevokeToolHost)
_HOSTS: Final = "/api/v1/authority/tool-hosts"
_READERS: Final = (
    Scope.READ,
    Scope.AUTHOR,
    Scope.APPROVE,
    Scope.OPERATE,
    Scope.AUDIT,
    Scope.ADMIN,
)


@post(
    _HOSTS,
    opt=RouteOpt(
        scope=Scope.ADMIN, body=RegisterToolHost, answer=ToolHostView, status=201, keyed=True
    ),
)
async def register_host(request: AppRequest) -> Response[bytes]:
    """Register a host of tools, and the key that it signs receipts with."""
    raw = await body_of(request)
    asked = bodies.decode(_REGISTER, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.register_host(tx, asked, ids_of(request)), status=201)

    return await answered(request, raw, work)


@post(
    f"{_HOSTS}/{{host_id:uuid}}/revoke",
    opt=RouteOpt(
        scope=(Scope.OPERATE, Scope.ADMIN), body=RevokeToolHost, answer=ToolHostView, keyed=True
    ),
)
async def revoke_host(request: AppRequest, host_id: FromPath[UUID]) -> Response[bytes]:
    """End a registration; nothing that its key signed counts from the answer on."""
    raw = await body_of(request)
    asked = bodies.decode(_REVOKE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.revoke_host(tx, host_id, asked, ids_of(request)))

    return await answered(request, raw, work)


@get(_HOSTS, opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[ToolHostView]))
async def list_hosts(request: AppRequest) -> Response[bytes]:
    """List the tool hosts of the tenant, revoked ones too, the latest first."""
    asked = query_of(request, PageQuery)
    before = None if asked.cursor is None else decode_ids(asked.cursor)[0]
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_hosts(tx, before=before, limit=asked.limit + 1)
        shown = found[: asked.limit]
        ended = await store.list_revocations(tx, [host.host_id for host in shown])
    items = [view_of(host, ended.get(host.host_id)) for host in shown]
    cursor = encode_cursor([str(items[-1].host_id)]) if len(found) > len(items) else None
    return answer(Page(items=items, next_cursor=cursor))


HANDLERS = [register_host, revoke_host, list_hosts]
