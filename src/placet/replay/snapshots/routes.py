"""Snapshots of sessions over HTTP, and the check of a session."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.replay.sessions.views import check_reach
from placet.replay.snapshots import service, store
from placet.replay.snapshots.model import (
    SEQ_MAX,
    CheckQuery,
    SessionChecked,
    SnapshotView,
    SnapshotWithState,
    TakeSnapshot,
)
from placet.replay.snapshots.rules import Folded, view_of, whole_view_of
from placet.storage.database import Writing
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    answered_apart,
    body_of,
    database_of,
    in_time,
    principal_of,
    query_of,
)

_TAKE: Final = msgspec.json.Decoder(TakeSnapshot)
_SNAPSHOTS: Final = "/api/v1/replay/sessions/{session_id:uuid}/snapshots"
_READERS: Final = (Scope.READ, Scope.OPERATE, Scope.AUDIT)
_CHECKERS: Final = (Scope.OPERATE, Scope.AUDIT)


@post(
    _SNAPSHOTS,
    opt=RouteOpt(
        scope=Scope.OPERATE, body=TakeSnapshot, answer=SnapshotWithState, status=201, keyed=True
    ),
)
async def take_snapshot(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Keep what the events of a session lead to, up to its latest or to an earlier one.

    One with as many later ones as are kept is answered, and not kept.
    """
    raw = await body_of(request)
    asked = bodies.decode(_TAKE, raw)
    db, principal = database_of(request), principal_of(request)

    async def prepare() -> Folded:
        return await service.fold_session(db, principal, session_id, asked.seq)

    async def work(tx: Writing, folded: Folded) -> Answer:
        return Answer(value=await service.keep_snapshot(tx, session_id, folded), status=201)

    return await answered_apart(request, raw, prepare, work)


@get(_SNAPSHOTS, opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[SnapshotView]))
async def list_snapshots(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """List the snapshots of a session that are kept, the latest first."""
    asked = query_of(request, PageQuery)
    below = _below(asked.cursor)
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        await check_reach(tx, principal, session_id)
        found = await store.list_snapshots(tx, session_id, below=below, limit=asked.limit + 1)
    items = [view_of(one) for one in found[: asked.limit]]
    cursor = encode_cursor([items[-1].seq]) if len(found) > len(items) else None
    return answer(Page(items=items, next_cursor=cursor))


@get(f"{_SNAPSHOTS}/{{seq:int}}", opt=RouteOpt(scope=_READERS, answer=SnapshotWithState))
async def get_snapshot(
    request: AppRequest, session_id: FromPath[UUID], seq: FromPath[int]
) -> Response[bytes]:
    """Return the snapshot of a session that stands at a sequence number."""
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        await check_reach(tx, principal, session_id)
        found = await store.get_snapshot(tx, session_id, min(max(seq, 0), SEQ_MAX))
    return answer(whole_view_of(found))


@get(
    "/api/v1/replay/sessions/{session_id:uuid}/check",
    opt=RouteOpt(scope=_CHECKERS, query=CheckQuery, answer=SessionChecked),
)
async def check_session(request: AppRequest, session_id: FromPath[UUID]) -> Response[bytes]:
    """Hold the state of a session to its events. Refuses where that takes too long."""
    asked = query_of(request, CheckQuery)
    db, principal = database_of(request), principal_of(request)

    async def check() -> SessionChecked:
        return await service.check_session(db, principal, session_id, whole=asked.whole)

    return answer(await in_time(check))


def _below(cursor: str | None) -> int:
    position = [SEQ_MAX] if cursor is None else decode_cursor(cursor)
    if len(position) == 1 and isinstance(position[0], int) and 0 <= position[0] <= SEQ_MAX:
        return position[0]
    raise MalformedQuery(detail="the cursor is not one that this list gave", parameter="cursor")


HANDLERS = [take_snapshot, list_snapshots, get_snapshot, check_session]
