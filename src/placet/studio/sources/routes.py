"""Sources over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.storage.database import Writing
from placet.studio.sources import service, store
from placet.studio.sources.model import (
    BODY_BYTES_MAX,
    AddSource,
    SourceAnswer,
    SourceSummary,
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
    principal_of,
    query_of,
)

_ADD: Final = msgspec.json.Decoder(AddSource)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)
_TEXT: Final = "text/plain"


@post(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/sources",
    opt=RouteOpt(scope=Scope.AUTHOR, body=AddSource, answer=SourceSummary, status=201, keyed=True),
    request_max_body_size=BODY_BYTES_MAX,
)
async def add_source(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Add material to a workspace, without its secrets; 200 and the first one if it is known.

    The body may have 8 MiB, the content 5 MiB.
    """
    raw = await body_of(request)
    material = await service.examine(bodies.decode(_ADD, raw))

    async def work(tx: Writing) -> Answer:
        source, is_new = await service.add_source(tx, workspace_id, material, ids_of(request))
        return Answer(value=source, status=201 if is_new else 200)

    # The kept fingerprint is that of the redacted material: from one of the body itself a short
    # secret could be guessed.
    return await answered(request, msgspec.json.encode(material), work)


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/sources",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[SourceSummary]),
)
async def list_sources(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List a workspace's sources in the order of their adding, without content."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await service.list_sources(tx, workspace_id, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].source_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@get(
    "/api/v1/studio/sources/{source_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=SourceAnswer),
)
async def get_source(request: AppRequest, source_id: FromPath[UUID]) -> Response[bytes]:
    """Return one source with what was redacted and its parts, without content."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await store.get_source(tx, source_id))


@get(
    "/api/v1/studio/sources/{source_id:uuid}/content",
    opt=RouteOpt(scope=_READERS, media=_TEXT, answer=str),
)
async def get_content(request: AppRequest, source_id: FromPath[UUID]) -> Response[bytes]:
    """Return the stored content as plain text to save, whatever it holds; empty if quarantined."""
    async with database_of(request).reading(principal_of(request)) as tx:
        content = await store.get_content(tx, source_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{source_id}.txt"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content=content, media_type=_TEXT, headers=headers)


def _after(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        (position,) = decode_cursor(cursor)
        return UUID(str(position))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this list gave", parameter="cursor"
        ) from fault


HANDLERS = [add_source, list_sources, get_source, get_content]
