"""Whole steps over HTTP: parse, hand over, answer. Each is one database round trip."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.replay.calls.answers import ProposalAnswer, ReceiptAnswer, ReportReceipt
from placet.replay.calls.caller import caller_from
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.binding import HEADER
from placet.replay.steps import service as steps
from placet.replay.steps.model import CallTools
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    body_of,
    idempotency_key_of,
    kept_of,
    key_of,
)

_CALLS: Final = msgspec.json.Decoder(CallTools)
_RECEIPT: Final = msgspec.json.Decoder(ReportReceipt)
_SESSION: Final = "/api/v1/replay/sessions/{session_id:uuid}"


@post(
    f"{_SESSION}/calls",
    status_code=200,
    opt=RouteOpt(
        scope=Scope.RUNTIME,
        hot=True,
        body=CallTools,
        answer=ProposalAnswer,
        keyed=True,
        grants=True,
    ),
)
async def call_tools(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Prepare and propose at once, for a caller with no model turn of its own."""
    raw = await body_of(request)
    asked = bodies.decode(_CALLS, raw)
    key = idempotency_key_of(request)
    caller = caller_from(key_of(request), session_id, request.headers.get(HEADER), must=True)
    return answer(await steps.call_tools(kept_of(request, Runtime), caller, asked, raw, key))


@post(
    f"{_SESSION}/receipts",
    status_code=200,
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=ReportReceipt, answer=ReceiptAnswer),
)
async def report_receipt(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Report what became of a call, and prepare the next request. Never refused for being late."""
    raw = await body_of(request)
    asked = bodies.decode(_RECEIPT, raw)
    caller = caller_from(key_of(request), session_id, request.headers.get(HEADER), must=False)
    return answer(await steps.report_and_prepare(kept_of(request, Runtime), caller, asked, raw))


HANDLERS: Final[list[HTTPRouteHandler]] = [call_tools, report_receipt]
