"""Controls over HTTP, as far as sessions are concerned."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.authority.controls import store as controls
from placet.kernel import bodies
from placet.kernel.paging import Page, decode_ids, encode_cursor
from placet.kernel.principal import Scope
from placet.replay.controls import service, store
from placet.replay.controls.model import (
    ControlAnswer,
    FilterTools,
    LabelSession,
    ReportBypass,
    UnconfirmedCall,
)
from placet.replay.controls.store import Once, Place
from placet.tenancy.entry import (
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    body_of,
    database_of,
    idempotency_key_of,
    ids_of,
    key_of,
    principal_of,
    query_of,
)

_READERS: Final = (Scope.READ, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)
_LABEL: Final = msgspec.json.Decoder(LabelSession)
_FILTER: Final = msgspec.json.Decoder(FilterTools)
_BYPASS: Final = msgspec.json.Decoder(ReportBypass)
_SESSION: Final = "/api/v1/replay/sessions/{session_id:uuid}"
_LABEL_ROUTE: Final = f"POST {_SESSION}/labels"
_BOTH: Final = (Scope.RUNTIME, Scope.OPERATE)


@post(
    f"{_SESSION}/labels",
    status_code=200,
    opt=RouteOpt(scope=_BOTH, hot=True, body=LabelSession, answer=ControlAnswer, keyed=True),
)
async def label_session(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Put labels on a session; an operator may change and clear them too."""
    raw = await body_of(request)
    asked = bodies.decode(_LABEL, raw)
    once = Once(
        route=_LABEL_ROUTE,
        key=idempotency_key_of(request),
        fingerprint=bodies.fingerprint(f"{request.method} {request.scope['path']}", raw),
    )
    hot = database_of(request).hot
    return answer(
        await service.label_session(hot, ids_of(request), key_of(request), session_id, asked, once)
    )


@post(
    f"{_SESSION}/tool-filter",
    status_code=200,
    opt=RouteOpt(scope=Scope.OPERATE, hot=True, body=FilterTools, answer=ControlAnswer),
)
async def filter_tools(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Take tools away from a session, for good."""
    asked = bodies.decode(_FILTER, await body_of(request))
    hot = database_of(request).hot
    return answer(
        await service.filter_tools(hot, ids_of(request), key_of(request), session_id, asked)
    )


@post(
    f"{_SESSION}/report-bypass",
    status_code=200,
    opt=RouteOpt(scope=_BOTH, hot=True, body=ReportBypass, answer=ControlAnswer),
)
async def report_bypass(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Report that the agent acted around its grants: the session goes no further."""
    asked = bodies.decode(_BYPASS, await body_of(request))
    hot = database_of(request).hot
    return answer(
        await service.report_bypass(hot, ids_of(request), key_of(request), session_id, asked)
    )


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
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        control = await controls.get_control(tx, control_id)
        found = await store.list_unconfirmed(tx, principal, control, after=after, limit=asked.limit)
    upto = found.upto
    cursor = None if upto is None else encode_cursor([str(upto.session_id), str(upto.call_id)])
    return answer(Page(items=found.calls, next_cursor=cursor))


def _place_of(cursor: str) -> Place:
    session_id, call_id = decode_ids(cursor, 2)
    return Place(session_id=session_id, call_id=call_id)


HANDLERS = [label_session, filter_tools, report_bypass, list_unconfirmed]
