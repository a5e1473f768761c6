"""Erasing somebody's data over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.audit.subjects import service, store
from placet.audit.subjects.model import EraseSubject, RequestShown
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

_ERASE: Final = msgspec.json.Decoder(EraseSubject)
_ERASURES: Final = "/api/v1/audit/erasures"
_READERS: Final = (Scope.AUDIT, Scope.ADMIN)


@post(
    _ERASURES,
    opt=RouteOpt(scope=Scope.ADMIN, body=EraseSubject, answer=RequestShown, status=201, keyed=True),
)
async def ask_erasure(request: AppRequest) -> Response[bytes]:
    """Ask that what closed streams say of a person go; a worker does it next."""
    raw = await body_of(request)
    asked = bodies.decode(_ERASE, raw)

    async def work(tx: Writing) -> Answer:
        shown = await service.ask_erasure(tx, asked, ids_of(request))
        return Answer(value=shown, status=201, kept=msgspec.structs.replace(shown, salt=None))

    return await answered(request, raw, work)


@get(_ERASURES, opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[RequestShown]))
async def list_erasures(request: AppRequest) -> Response[bytes]:
    """List what was asked to be erased, the newest first, each with its first ten streams."""
    asked = query_of(request, PageQuery)
    before = None if asked.cursor is None else decode_ids(asked.cursor)[0]
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_requests(tx, before=before, limit=asked.limit + 1)
        shown = await service.show_all(tx, found[: asked.limit], store.STREAMS_LISTED)
    cursor = encode_cursor([str(shown[-1].request_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@get(f"{_ERASURES}/{{request_id:uuid}}", opt=RouteOpt(scope=_READERS, answer=RequestShown))
async def get_erasure(request: AppRequest, request_id: FromPath[UUID]) -> Response[bytes]:
    """Show one request, what came of it so far, and what stays."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show(tx, await store.get_request(tx, request_id)))


HANDLERS = [ask_erasure, list_erasures, get_erasure]
