"""The events of a session over HTTP: a page of them, or a stream that goes on."""

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.replay.export import service as export
from placet.replay.export.model import EventsQuery, EventView
from placet.replay.sessions.views import check_reach
from placet.replay.watching.rules import LAST_EVENT_ID, parse_last_event_id
from placet.replay.watching.service import SessionWatches, follow
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    kept_of,
    key_of,
    principal_of,
    query_of,
)

EVENT_STREAM = "text/event-stream"


@get(
    "/api/v1/replay/sessions/{session_id:uuid}/events",
    opt=RouteOpt(scope=(Scope.READ, Scope.RUNTIME), query=EventsQuery, answer=Page[EventView]),
)
async def list_events(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes] | Stream:
    """List the events of a session, in their order.

    With `Accept: text/event-stream` they are sent one by one, and later ones as they come, from
    after the header `Last-Event-ID` or `after`. Beyond the last event is `cursor_unknown`.
    """
    asked = query_of(request, EventsQuery)
    after = max(asked.after, _event_after(asked.cursor))
    if EVENT_STREAM in request.headers.get("accept", "").lower():
        last = parse_last_event_id(request.headers.get(LAST_EVENT_ID))
        return await _stream(request, session_id, max(after, last))
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        await check_reach(tx, principal, session_id)
        found = await export.list_views(tx, session_id, after=after, limit=asked.limit + 1)
    items = found[: asked.limit]
    cursor = encode_cursor([items[-1].seq]) if len(found) > asked.limit else None
    return answer(Page(items=items, next_cursor=cursor))


async def _stream(request: AppRequest, session_id: UUID, after: int) -> Stream:
    watches, principal = kept_of(request, SessionWatches), principal_of(request)
    async with database_of(request).reading(principal) as tx:
        await check_reach(tx, principal, session_id)
        await export.check_after(tx, session_id, after)
    place = watches.take(principal.tenant_id, session_id)
    events = follow(watches, place, database_of(request), key_of(request), after)
    return Stream(events, media_type=EVENT_STREAM, headers={"Cache-Control": "no-store"})


def _event_after(cursor: str | None) -> int:
    position = [] if cursor is None else decode_cursor(cursor)
    return position[0] if position and isinstance(position[0], int) else 0


HANDLERS = [list_events]
