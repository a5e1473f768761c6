"""Closing a session over HTTP."""

from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.replay.calls.caller import caller_from
from placet.replay.closings import service
from placet.replay.closings.model import CloseAnswer, CloseSession
from placet.replay.sessions.binding import HEADER
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    body_of,
    database_of,
    ids_of,
    key_of,
)

_CLOSE = msgspec.json.Decoder(CloseSession)


@post(
    "/api/v1/replay/sessions/{session_id:uuid}/close",
    status_code=200,
    opt=RouteOpt(
        scope=(Scope.RUNTIME, Scope.OPERATE), hot=True, body=CloseSession, answer=CloseAnswer
    ),
)
async def close_session(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Take no new calls in a session, and end it once nothing is left open."""
    asked = bodies.decode(_CLOSE, await body_of(request))
    caller = caller_from(key_of(request), session_id, request.headers.get(HEADER), must=False)
    return answer(
        await service.close_session(database_of(request).hot, ids_of(request), caller, asked)
    )


HANDLERS = [close_session]
