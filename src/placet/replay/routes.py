"""The runtime over HTTP: parse, hand over, answer. Each hot route is one database round trip."""

from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from placet.evidence.fields import Fence
from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedHeader, MalformedQuery
from placet.replay.calls import prepare, propose, report, settle, start
from placet.replay.calls.answers import (
    EventsQuery,
    EventView,
    Prepared,
    PrepareRequest,
    ProposalAnswer,
    ReceiptAnswer,
    ReportReceipt,
    SessionWithPending,
    SettleCall,
    SettlementAnswer,
    StartCall,
    Started,
)
from placet.replay.calls.proposal import ProposeCalls
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.store import Caller
from placet.replay.calls.views import SessionQuery, read_session, show_sessions
from placet.replay.export import service as export
from placet.replay.sessions import service as sessions
from placet.replay.sessions import store as session_store
from placet.replay.sessions.binding import HEADER, Binding, decode_binding
from placet.replay.sessions.model import (
    ChangeLease,
    KillAnswer,
    KillSession,
    LeaseAnswer,
    OpenSession,
    SessionView,
)
from placet.storage.database import Writing
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    ids_of,
    kept_of,
    key_of,
    principal_of,
    query_of,
)

_OPEN = msgspec.json.Decoder(OpenSession)
_LEASE = msgspec.json.Decoder(ChangeLease)
_PREPARE = msgspec.json.Decoder(PrepareRequest)
_PROPOSE = msgspec.json.Decoder(ProposeCalls)
_START = msgspec.json.Decoder(StartCall)
_RECEIPT = msgspec.json.Decoder(ReportReceipt)
_SETTLE = msgspec.json.Decoder(SettleCall)
_KILL = msgspec.json.Decoder(KillSession)
BUNDLE_MEDIA = "application/jsonl"
_SESSION = "/api/v1/replay/sessions/{session_id:uuid}"
_NO_BINDING = Binding(holder="", epoch=0, fence=0)


@post(
    "/api/v1/replay/sessions",
    opt=RouteOpt(scope=Scope.RUNTIME, body=OpenSession, answer=SessionView, status=201, keyed=True),
)
async def open_session(request: AppRequest) -> Response[bytes]:
    """Open a session for the key's agent, on what is approved for it now."""
    raw = await body_of(request)
    asked = bodies.decode(_OPEN, raw)

    async def work(tx: Writing) -> Answer:
        runtime = kept_of(request, Runtime)
        view = await sessions.open_session(
            tx, principal_of(request), asked, runtime.policies, ids_of(request)
        )
        return Answer(value=view, status=201)

    return await answered(request, raw, work)


@get(
    "/api/v1/replay/sessions",
    opt=RouteOpt(scope=Scope.READ, query=PageQuery, answer=Page[SessionView]),
)
async def list_sessions(request: AppRequest) -> Response[bytes]:
    """List sessions, the newest first."""
    asked = query_of(request, PageQuery)
    before = None if asked.cursor is None else _session_before(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await session_store.list_sessions(
            tx, principal_of(request), before=before, limit=asked.limit + 1
        )
        items = await show_sessions(tx, found[: asked.limit])
    is_last = len(found) <= asked.limit
    cursor = None if is_last else encode_cursor([str(items[-1].session_id)])
    return answer(Page(items=items, next_cursor=cursor))


@get(
    _SESSION,
    opt=RouteOpt(scope=(Scope.READ, Scope.RUNTIME), query=SessionQuery, answer=SessionWithPending),
)
async def get_session(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Return a session; with `include=pending` also the calls that may still change."""
    asked = query_of(request, SessionQuery)
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        return answer(await read_session(tx, principal, session_id, asked))


@post(
    f"{_SESSION}/lease",
    status_code=200,
    opt=RouteOpt(
        scope=(Scope.RUNTIME, Scope.OPERATE), hot=True, body=ChangeLease, answer=LeaseAnswer
    ),
)
async def change_lease(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Grant, renew, release or steal the lease of a session."""
    asked = bodies.decode(_LEASE, await body_of(request))
    runtime = kept_of(request, Runtime)
    header = request.headers.get(HEADER)
    return answer(
        await sessions.change_lease(
            runtime.db.hot,
            runtime.ids,
            key_of(request),
            session_id,
            asked,
            None if header is None else decode_binding(header),
        )
    )


@post(
    f"{_SESSION}/preflight",
    status_code=200,
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=PrepareRequest, answer=Prepared),
)
async def prepare_request(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Bind a model request to the session, and narrow its tools."""
    asked = bodies.decode(_PREPARE, await body_of(request))
    caller = _caller(request, session_id)
    return answer(await prepare.prepare_request(kept_of(request, Runtime), caller, asked))


@post(
    f"{_SESSION}/proposals",
    status_code=200,
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=ProposeCalls, answer=ProposalAnswer),
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
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=StartCall, answer=Started),
)
async def start_call(
    request: AppRequest, session_id: FromPath[UUID], call_id: FromPath[UUID]
) -> Response[bytes]:
    """Redeem a grant, once, just before the tool runs."""
    asked = bodies.decode(_START, await body_of(request))
    caller = _caller(request, session_id)
    return answer(await start.start_call(kept_of(request, Runtime), caller, call_id, asked))


@post(
    f"{_SESSION}/receipts",
    status_code=200,
    opt=RouteOpt(scope=Scope.RUNTIME, hot=True, body=ReportReceipt, answer=ReceiptAnswer),
)
async def report_receipt(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Report what became of a call. Never refused for being late."""
    raw = await body_of(request)
    asked = bodies.decode(_RECEIPT, raw)
    caller = _caller(request, session_id, must=False)
    return answer(await report.report_receipt(kept_of(request, Runtime), caller, asked, raw))


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


@post(
    f"{_SESSION}/kill",
    status_code=200,
    opt=RouteOpt(scope=Scope.OPERATE, hot=True, body=KillSession, answer=KillAnswer),
)
async def kill_session(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Stop a session for ever."""
    asked = bodies.decode(_KILL, await body_of(request))
    runtime = kept_of(request, Runtime)
    return answer(
        await sessions.kill_session(runtime.db.hot, runtime.ids, key_of(request), session_id, asked)
    )


@get(
    f"{_SESSION}/events",
    opt=RouteOpt(scope=(Scope.READ, Scope.RUNTIME), query=EventsQuery, answer=Page[EventView]),
)
async def list_events(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """List the events of a session, in their order."""
    asked = query_of(request, EventsQuery)
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        await read_session(tx, principal, session_id, SessionQuery())
        after = max(asked.after, _event_after(asked.cursor))
        found = await export.list_views(tx, session_id, after=after, limit=asked.limit + 1)
    items = found[: asked.limit]
    cursor = encode_cursor([items[-1].seq]) if len(found) > asked.limit else None
    return answer(Page(items=items, next_cursor=cursor))


@get(
    f"{_SESSION}/bundle",
    opt=RouteOpt(scope=(Scope.READ, Scope.AUDIT), media=BUNDLE_MEDIA, answer=bytes),
)
async def export_session(request: AppRequest, session_id: FromPath[UUID]) -> Stream:
    """Export a session's evidence for a verifier: one JSON document a line."""
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        await read_session(tx, principal, session_id, SessionQuery())
        heads = await export.session_heads(tx, session_id)
    lines = export.write_bundle(database_of(request), principal, heads)
    return Stream(lines, media_type=BUNDLE_MEDIA)


@get(
    "/api/v1/replay/bundle",
    opt=RouteOpt(scope=Scope.AUDIT, media=BUNDLE_MEDIA, answer=bytes),
)
async def export_tenant(request: AppRequest) -> Stream:
    """Export the evidence of every stream of the tenant."""
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        heads = await export.tenant_heads(tx)
    lines = export.write_bundle(database_of(request), principal, heads)
    return Stream(lines, media_type=BUNDLE_MEDIA)


def _caller(request: AppRequest, session_id: UUID, *, must: bool = True) -> Caller:
    header = request.headers.get(HEADER)
    if header is None and must:
        raise MalformedHeader(
            detail=f"this route needs the header `{HEADER}` of your lease", header=HEADER
        )
    binding = _NO_BINDING if header is None else decode_binding(header)
    return Caller(
        key=key_of(request),
        session_id=session_id,
        holder=binding.holder,
        fence=Fence(epoch=binding.epoch, n=binding.fence),
    )


def _event_after(cursor: str | None) -> int:
    position = [] if cursor is None else decode_cursor(cursor)
    return position[0] if position and isinstance(position[0], int) else 0


def _session_before(cursor: str) -> UUID:
    try:
        return UUID(str(decode_cursor(cursor)[0]))
    except (ValueError, IndexError) as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this service gave", parameter="cursor"
        ) from fault


HANDLERS = [
    open_session,
    list_sessions,
    get_session,
    change_lease,
    prepare_request,
    propose_calls,
    start_call,
    report_receipt,
    settle_call,
    kill_session,
    list_events,
    export_session,
    export_tenant,
]
