"""Searching over HTTP."""

from typing import Final

from litestar import Response, get
from litestar.response import Stream

from placet.audit.search import service
from placet.audit.search.model import EventsFound, ExportQuery, SearchQuery
from placet.audit.search.rules import decode_place
from placet.kernel.principal import Scope
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    ids_of,
    principal_of,
    query_of,
)

MEDIA: Final = "application/jsonl"
_EVENTS: Final = "/api/v1/audit/events"


@get(_EVENTS, opt=RouteOpt(scope=Scope.AUDIT, query=SearchQuery, answer=EventsFound))
async def search_events(request: AppRequest) -> Response[bytes]:
    """Find events of the tenant's log by who, what, which rule, when; all that is given must fit.

    A page may hold fewer events than asked for and still name a cursor to go on from.
    """
    asked = query_of(request, SearchQuery)
    place = None if asked.cursor is None else decode_place(asked.cursor, asked.order)
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.search(tx, asked.filter(), asked.order, place, asked.limit))


@get(
    f"{_EVENTS}/export",
    opt=RouteOpt(scope=Scope.AUDIT, query=ExportQuery, media=MEDIA, answer=bytes),
)
async def export_events(request: AppRequest) -> Stream:
    """Take away all that a search finds: one JSON document a line.

    Who took what is an event of the tenant's before the first line leaves.
    """
    asked = query_of(request, ExportQuery)
    db, principal = database_of(request), principal_of(request)
    async with db.writing(principal) as tx:
        head = await service.begin_export(tx, asked.filter(), asked.order, ids_of(request))
    return Stream(service.write_export(db, principal, head), media_type=MEDIA)


HANDLERS = [search_events, export_events]
