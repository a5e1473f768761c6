"""Reading a session over HTTP, with the calls that are open in it."""

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.replay.pending.model import SessionQuery, SessionWithPending
from placet.replay.pending.service import read_session
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    principal_of,
    query_of,
)


@get(
    "/api/v1/replay/sessions/{session_id:uuid}",
    opt=RouteOpt(scope=(Scope.READ, Scope.RUNTIME), query=SessionQuery, answer=SessionWithPending),
)
async def get_session(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Return a session; with `include=pending` also the calls that may still change."""
    asked = query_of(request, SessionQuery)
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        return answer(await read_session(tx, principal, session_id, asked))


HANDLERS = [get_session]
