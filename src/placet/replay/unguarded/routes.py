"""Reports of unguarded calls over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.replay.calls.runtime import Runtime
from placet.replay.unguarded import service
from placet.replay.unguarded.model import ReportUnguarded, UnguardedAnswer
from placet.replay.unguarded.service import Report
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    body_of,
    idempotency_key_of,
    kept_of,
    key_of,
)

_REPORT: Final = msgspec.json.Decoder(ReportUnguarded)
_PATH: Final = "/api/v1/replay/sessions/{session_id:uuid}/report-unguarded"
_ROUTE: Final = f"POST {_PATH}"


@post(
    _PATH,
    status_code=200,
    opt=RouteOpt(
        scope=Scope.RUNTIME, hot=True, body=ReportUnguarded, answer=UnguardedAnswer, keyed=True
    ),
)
async def report_unguarded(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Tell of calls that ran without a grant while nobody answered."""
    raw = await body_of(request)
    asked = bodies.decode(_REPORT, raw)
    report = Report(
        session_id=session_id,
        route=_ROUTE,
        idempotency_key=idempotency_key_of(request),
        fingerprint=bodies.fingerprint(f"{request.method} {request.scope['path']}", raw),
    )
    runtime = kept_of(request, Runtime)
    return answer(await service.report_unguarded(runtime, key_of(request), report, asked))


HANDLERS: Final[list[HTTPRouteHandler]] = [report_unguarded]
