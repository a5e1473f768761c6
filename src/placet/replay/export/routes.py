"""Events and bundles over HTTP."""

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.replay.calls.answers import EventsQuery, EventView
from placet.replay.export import service
from placet.replay.sessions.views import check_reach
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    principal_of,
    query_of,
)

BUNDLE_MEDIA = "application/jsonl"
_SESSION = "/api/v1/replay/sessions/{session_id:uuid}"


@get(
    f"{_SESSION}/events",
    opt=RouteOpt(scope=(Scope.READ, Scope.RUNTIME), query=EventsQuery, answer=Page[EventView]),
)
async def list_events(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """List the events of a session, in their order."""
    asked = query_of(request, EventsQuery)
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        await check_reach(tx, principal, session_id)
        after = max(asked.after, _event_after(asked.cursor))
        found = await service.list_views(tx, session_id, after=after, limit=asked.limit + 1)
    items = found[: asked.limit]
    cursor = encode_cursor([items[-1].seq]) if len(found) > asked.limit else None
    return answer(Page(items=items, next_cursor=cursor))


@get(
    f"{_SESSION}/bundle",
    opt=RouteOpt(scope=(Scope.READ, Scope.AUDIT), media=BUNDLE_MEDIA, answer=bytes),
)
async def export_session(request: AppRequest, session_id: FromPath[UUID]) -> Stream:
    """Export a session's evidence for a verifier: one JSON document a line."""
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        await check_reach(tx, principal, session_id)
        heads = await service.session_heads(tx, session_id)
    lines = service.write_bundle(database_of(request), principal, heads)
    return Stream(lines, media_type=BUNDLE_MEDIA)


@get(
    "/api/v1/replay/bundle",
    opt=RouteOpt(scope=Scope.AUDIT, media=BUNDLE_MEDIA, answer=bytes),
)
async def export_tenant(request: AppRequest) -> Stream:
    """Export the evidence of every stream of the tenant."""
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        heads = await service.tenant_heads(tx)
    lines = service.write_bundle(database_of(request), principal, heads)
    return Stream(lines, media_type=BUNDLE_MEDIA)


def _event_after(cursor: str | None) -> int:
    position = [] if cursor is None else decode_cursor(cursor)
    return position[0] if position and isinstance(position[0], int) else 0


HANDLERS = [list_events, export_session, export_tenant]
