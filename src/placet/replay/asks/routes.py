"""Calls that wait for people, as the agent that made them sees them over HTTP."""

import asyncio
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.replay.asks import claim
from placet.replay.asks.answers import CallQuery, CallView, ClaimAnswer, ClaimCall
from placet.replay.asks.waiting import AskWaits, wait_for_answer
from placet.replay.calls.caller import caller_from
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.binding import HEADER
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    body_of,
    kept_of,
    key_of,
    principal_of,
    query_of,
)

_CLAIM: Final = msgspec.json.Decoder(ClaimCall)
_CALL: Final = "/api/v1/replay/sessions/{session_id:uuid}/calls/{call_id:uuid}"
_GONE: Final = "http.disconnect"


@get(
    _CALL,
    opt=RouteOpt(scope=(Scope.READ, Scope.RUNTIME), query=CallQuery, answer=CallView),
)
async def get_call(
    request: AppRequest, session_id: FromPath[UUID], call_id: FromPath[UUID]
) -> Response[bytes]:
    """Return a call; with `wait`, once nobody is asked about it any more, or after so long."""
    asked = query_of(request, CallQuery)
    runtime, waits = kept_of(request, Runtime), kept_of(request, AskWaits)
    place = (session_id, call_id)
    waiting = asyncio.ensure_future(
        wait_for_answer(runtime, waits, principal_of(request), place, asked.wait)
    )
    if asked.wait == 0:
        return answer(await waiting)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            return Response(b"")
        return answer(await waiting)
    finally:
        waiting.cancel()
        gone.cancel()


@post(
    f"{_CALL}/claim",
    status_code=200,
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=ClaimCall, answer=ClaimAnswer, grants=True),
)
async def claim_call(
    request: AppRequest, session_id: FromPath[UUID], call_id: FromPath[UUID]
) -> Response[bytes]:
    """Claim a call that people said yes to: it is judged again, and granted if it may run."""
    asked = bodies.decode(_CLAIM, await body_of(request))
    caller = caller_from(key_of(request), session_id, request.headers.get(HEADER), must=True)
    told = kept_of(request, AskWaits).take((session_id, call_id))
    return answer(await claim.claim_call(kept_of(request, Runtime), caller, call_id, asked, told))


async def _gone(request: AppRequest) -> None:
    while (await request.receive())["type"] != _GONE:
        pass


HANDLERS = [get_call, claim_call]
