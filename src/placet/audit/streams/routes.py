"""Streams as files over HTTP."""

import asyncio
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from placet.audit.streams import service
from placet.audit.streams.model import IMPORT_BYTES_MAX, ImportAnswer, ImportStream
from placet.audit.streams.rules import read_file
from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.replay.export.running import Exports, Width, in_place
from placet.replay.export.service import write_bundle
from placet.storage.database import Writing
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answered,
    body_of,
    database_of,
    ids_of,
    kept_of,
    principal_of,
)

MEDIA: Final = "application/jsonl"
_IMPORT: Final = msgspec.json.Decoder(ImportStream)


@get(
    "/api/v1/audit/streams/{stream_id:uuid}/export",
    opt=RouteOpt(scope=Scope.AUDIT, media=MEDIA, answer=bytes),
)
async def export_stream(request: AppRequest, stream_id: FromPath[UUID]) -> Stream:
    """Export one stream as a bundle of itself: one JSON document a line.

    Who took which stream is an event of the tenant's before the first line leaves.
    """
    db, principal = database_of(request), principal_of(request)
    with kept_of(request, Exports).begin(principal.tenant_id, Width.AUDIT) as place:
        async with db.writing(principal) as tx:
            head = await service.begin_export(tx, stream_id, ids_of(request))
        lines = write_bundle(db, principal, [head])
        return Stream(in_place(place, lines), media_type=MEDIA)


@post(
    "/api/v1/audit/streams/import",
    opt=RouteOpt(
        scope=Scope.OPERATE, body=ImportStream, answer=ImportAnswer, status=201, keyed=True
    ),
    request_max_body_size=IMPORT_BYTES_MAX,
)
async def import_stream(request: AppRequest) -> Response[bytes]:
    """Bring in an export of a run's stream as a new stream of a run.

    Ids, types and bodies stay; the first event tells where they come from. The body may have 8 MiB.
    """
    raw = await body_of(request)
    # Thousands of hashes: nobody else waits for them.
    file = await asyncio.to_thread(read_file, bodies.decode(_IMPORT, raw).lines.encode())

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.import_stream(tx, file, ids_of(request)), status=201)

    return await answered(request, raw, work)


HANDLERS = [export_stream, import_stream]
