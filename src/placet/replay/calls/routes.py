"""The governed step over HTTP: parse, hand over, answer. Each is one database round trip."""

from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.replay.calls import prepare, propose, settle, start
from placet.replay.calls.answers import (
    Prepared,
    PrepareRequest,
    ProposalAnswer,
    SettleCall,
    SettlementAnswer,
    StartCall,
    Started,
)
from placet.replay.calls.caller import caller_from
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.tool_calls import ProposeCalls
from placet.replay.calls.writes import Caller
from placet.replay.sessions.binding import HEADER
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    body_of,
    kept_of,
    key_of,
)

_PREPARE = msgspec.json.Decoder(PrepareRequest)
_PROPOSE = msgspec.json.Decoder(ProposeCalls)
_START = msgspec.json.Decoder(StartCall)
_SETTLE = msgspec.json.Decoder(SettleCall)
_SESSION = "/api/v1/replay/sessions/{session_id:uuid}"


@post(
    f"{_SESSION}/preflight",
    status_code=200,
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=PrepareRequest, answer=Prepared, grants=True),
)
async def prepare_request(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Bind a model request to the session, and narrow its tools."""
    asked = bodies.decode(_PREPARE, await body_of(request))
    caller = _caller(request, session_id)
    return answer(await prepare.prepare_request(kept_of(request, Runtime), caller, asked))


@post(
    f"{_SESSION}/proposals",
    status_code=200,
    opt=RouteOpt(
        scope=Scope.RUNTIME, hot=True, body=ProposeCalls, answer=ProposalAnswer, grants=True
    ),
)
async def propose_calls(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Decide the tool calls of a model's response; grant those that may run."""
    raw = await body_of(request)
    asked = bodies.decode(_PROPOSE, raw)
    caller = _caller(request, session_id)
    return answer(await propose.propose_calls(kept_of(request, Runtime), caller, asked, raw))


@post(
    f"{_SESSION}/calls/{{call_id:uuid}}/start",
    status_code=200,
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=StartCall, answer=Started, grants=True),
)
async def start_call(
    request: AppRequest, session_id: FromPath[UUID], call_id: FromPath[UUID]
) -> Response[bytes]:
    """Redeem a grant, once, just before the tool runs."""
    asked = bodies.decode(_START, await body_of(request))
    caller = _caller(request, session_id)
    return answer(await start.start_call(kept_of(request, Runtime), caller, call_id, asked))


@post(
    f"{_SESSION}/settlements",
    status_code=200,
    opt=RouteOpt(
        scope=(Scope.RUNTIME, Scope.OPERATE), hot=True, body=SettleCall, answer=SettlementAnswer
    ),
)
async def settle_call(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Say what became of a call, as an operator with a reason or as the holder with a receipt."""
    asked = bodies.decode(_SETTLE, await body_of(request))
    caller = _caller(request, session_id, must=False)
    return answer(await settle.settle_call(kept_of(request, Runtime), caller, asked))


def _caller(request: AppRequest, session_id: UUID, *, must: bool = True) -> Caller:
    return caller_from(key_of(request), session_id, request.headers.get(HEADER), must=must)


HANDLERS = [
    prepare_request,
    propose_calls,
    start_call,
    settle_call,
]
