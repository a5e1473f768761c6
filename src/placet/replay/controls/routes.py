"""Controls over HTTP, as far as sessions are concerned."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.authority.controls import store as controls
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.replay.controls import store
from placet.replay.controls.model import UnconfirmedCall
from placet.replay.controls.store import Place
from placet.tenancy.entry import (
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    database_of,
    principal_of,
    query_of,
)

_READERS: Final = (Scope.READ, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/authority/controls/{control_id:uuid}/unconfirmed",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[UnconfirmedCall]),
)
async def list_unconfirmed(request: AppRequest, control_id: FromPath[UUID]) -> Response[bytes]:
    """List the calls whose grants were out when a control was set, and are not settled.

    A page may be empty and have a cursor to the next.
    """
    asked = query_of(request, PageQuery)
    after = None if asked.cursor is None else _place_of(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        control = await controls.get_control(tx, control_id)
        found = await store.list_unconfirmed(tx, control, after=after, limit=asked.limit)
    upto = found.upto
    cursor = None if upto is None else encode_cursor([str(upto.session_id), str(upto.call_id)])
    return answer(Page(items=found.calls, next_cursor=cursor))


def _place_of(cursor: str) -> Place:
    try:
        session_id, call_id = (UUID(str(part)) for part in decode_cursor(cursor))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this service gave", parameter="cursor"
        ) from fault
    return Place(session_id=session_id, call_id=call_id)


HANDLERS = [list_unconfirmed]
