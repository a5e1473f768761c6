"""Snapshots over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.storage.database import Writing
from placet.studio.snapshots import service, store
from placet.studio.snapshots.model import (
    DraftReview,
    SnapshotAnswer,
    SnapshotSummary,
    TakeSnapshot,
)
from placet.studio.snapshots.rules import shown
from placet.studio.workspaces import store as workspaces
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
    principal_of,
    query_of,
)

_TAKE: Final = msgspec.json.Decoder(TakeSnapshot)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/studio/drafts/{draft_id:uuid}/snapshots",
    opt=RouteOpt(
        scope=Scope.AUTHOR, body=TakeSnapshot, answer=SnapshotAnswer, status=201, keyed=True
    ),
)
async def take_snapshot(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Freeze a draft at its current version, with everything that is found in it."""
    raw = await body_of(request)
    asked = bodies.decode(_TAKE, raw)

    async def work(tx: Writing) -> Answer:
        snapshot = await service.take_snapshot(tx, draft_id, asked, ids_of(request))
        return Answer(value=shown(snapshot), status=201)

    return await answered(request, raw, work)


@get(
    "/api/v1/studio/snapshots/{snapshot_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=SnapshotAnswer),
)
async def get_snapshot(request: AppRequest, snapshot_id: FromPath[UUID]) -> Response[bytes]:
    """Return one snapshot with the contract as it was."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(shown(await store.get_snapshot(tx, snapshot_id)))


@get(
    "/api/v1/studio/drafts/{draft_id:uuid}/review",
    opt=RouteOpt(scope=_READERS, answer=DraftReview),
)
async def review_draft(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Return what a snapshot of a draft would hold now: sources, findings and judgments."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_review(tx, draft_id))


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/snapshots",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[SnapshotSummary]),
)
async def list_snapshots(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List a workspace's snapshots in the order of their taking, without contracts."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        await workspaces.get_workspace(tx, workspace_id)
        found = await store.list_snapshots(tx, workspace_id, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].snapshot_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


def _after(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        (position,) = decode_cursor(cursor)
        return UUID(str(position))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this list gave", parameter="cursor"
        ) from fault


HANDLERS = [take_snapshot, get_snapshot, list_snapshots, review_draft]
