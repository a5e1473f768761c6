"""Scans and their receipts over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.storage.database import Writing
from placet.studio.drift.scans import material, service, store
from placet.studio.drift.scans.asked import AskedScans
from placet.studio.drift.scans.model import ApprovalRuntimeReceipt
from placet.studio.workspaces import store as workspaces
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    answered_apart,
    clock_of,
    database_of,
    ids_of,
    kept_of,
    principal_of,
    query_of,
)

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/drift/scan",
    opt=RouteOpt(
        scope=(Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE),
        answer=ApprovalRuntimeReceipt,
        status=201,
        keyed=True,
    ),
)
async def scan_drift(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Compare the runtime with the approval in force now, and return the receipt."""

    async def prepare() -> material.Prepared:
        async with kept_of(request, AskedScans).place():
            async with database_of(request).reading(principal_of(request)) as tx:
                found = await material.read_material(tx, workspace_id)
            return await material.prepare(found, clock_of(request), material.ASKED)

    async def work(tx: Writing, ready: material.Prepared) -> Answer:
        return Answer(value=await service.scan_workspace(tx, ready, ids_of(request)), status=201)

    return await answered_apart(request, b"", prepare, work)


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/runtime-receipts",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[ApprovalRuntimeReceipt]),
)
async def list_receipts(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List a workspace's runtime receipts, the newest first."""
    asked = query_of(request, PageQuery)
    before = _before(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        workspace = await workspaces.get_workspace(tx, workspace_id)
        found = await store.list_receipts(
            tx, workspace.workspace_id, before=before, limit=asked.limit + 1
        )
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].receipt_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


def _before(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        (position,) = decode_cursor(cursor)
        return UUID(str(position))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this list gave", parameter="cursor"
        ) from fault


HANDLERS = [scan_drift, list_receipts]
