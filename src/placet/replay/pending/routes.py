"""Reading a session over HTTP, with the calls that are open in it."""

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.replay.pending.model import SessionQuery, SessionWithPending
from placet.replay.pending.service import read_session
from placet.replay.sessions.policies import Policies
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    kept_of,
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
    principal, policies = principal_of(request), kept_of(request, Policies)
    async with database_of(request).reading(principal) as tx:
        return answer(await read_session(tx, principal, session_id, asked, policies))


HANDLERS = [get_session]
