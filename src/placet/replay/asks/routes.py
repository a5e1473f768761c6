"""Claims over HTTP: one database round trip more than a grant takes, since people were asked."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.replay.asks import claim
from placet.replay.asks.answers import ClaimAnswer, ClaimCall
from placet.replay.calls.caller import caller_from
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.binding import HEADER
from placet.tenancy.entry import AppRequest, RouteOpt, answer, body_of, kept_of, key_of

_CLAIM: Final = msgspec.json.Decoder(ClaimCall)
_CALL: Final = "/api/v1/replay/sessions/{session_id:uuid}/calls/{call_id:uuid}"


@post(
    f"{_CALL}/claim",
    status_code=200,
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=ClaimCall, answer=ClaimAnswer),
)
async def claim_call(
    request: AppRequest, session_id: FromPath[UUID], call_id: FromPath[UUID]
) -> Response[bytes]:
    """Claim a call that people said yes to: it is judged again, and granted if it may run."""
    asked = bodies.decode(_CLAIM, await body_of(request))
    caller = caller_from(key_of(request), session_id, request.headers.get(HEADER), must=True)
    return answer(await claim.claim_call(kept_of(request, Runtime), caller, call_id, asked))


HANDLERS = [claim_call]
