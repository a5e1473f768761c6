"""Opening sessions, listing them, their lease and their kill over HTTP."""

from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_ids, encode_cursor
from placet.kernel.principal import Scope
from placet.replay.sessions import service, store
from placet.replay.sessions.binding import HEADER, decode_binding
from placet.replay.sessions.lease_model import ChangeLease, LeaseAnswer
from placet.replay.sessions.model import KillAnswer, KillSession, OpenSession, SessionView
from placet.replay.sessions.policies import Policies
from placet.replay.sessions.views import show_sessions
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
_KILL = msgspec.json.Decoder(KillSession)
_SESSION = "/api/v1/replay/sessions/{session_id:uuid}"


@post(
    "/api/v1/replay/sessions",
    opt=RouteOpt(
        scope=Scope.RUNTIME,
        body=OpenSession,
        answer=SessionView,
        status=201,
        keyed=True,
        grants=True,
    ),
)
async def open_session(request: AppRequest) -> Response[bytes]:
    """Open a session for the key's agent, on what is approved for it now."""
    raw = await body_of(request)
    asked = bodies.decode(_OPEN, raw)

    async def work(tx: Writing) -> Answer:
        view = await service.open_session(
            tx, principal_of(request), asked, kept_of(request, Policies), ids_of(request)
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
    before = None if asked.cursor is None else decode_ids(asked.cursor)[0]
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_sessions(
            tx, principal_of(request), before=before, limit=asked.limit + 1
        )
        items = await show_sessions(tx, found[: asked.limit])
    is_last = len(found) <= asked.limit
    cursor = None if is_last else encode_cursor([str(items[-1].session_id)])
    return answer(Page(items=items, next_cursor=cursor))


@post(
    f"{_SESSION}/lease",
    status_code=200,
    opt=RouteOpt(
        scope=(Scope.RUNTIME, Scope.OPERATE),
        hot=True,
        body=ChangeLease,
        answer=LeaseAnswer,
        grants=True,
    ),
)
async def change_lease(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Grant, renew, release or steal the lease of a session."""
    asked = bodies.decode(_LEASE, await body_of(request))
    header = request.headers.get(HEADER)
    return answer(
        await service.change_lease(
            database_of(request).hot,
            ids_of(request),
            key_of(request),
            session_id,
            asked,
            None if header is None else decode_binding(header),
        )
    )


@post(
    f"{_SESSION}/kill",
    status_code=200,
    opt=RouteOpt(scope=Scope.OPERATE, hot=True, body=KillSession, answer=KillAnswer),
)
async def kill_session(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Stop a session for ever."""
    asked = bodies.decode(_KILL, await body_of(request))
    return answer(
        await service.kill_session(
            database_of(request).hot, ids_of(request), key_of(request), session_id, asked
        )
    )


HANDLERS = [open_session, list_sessions, change_lease, kill_session]
