"""Workspaces over HTTP."""

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
from placet.studio.workspaces import service, store
from placet.studio.workspaces.model import ApproverShown, CreateWorkspace, GovernanceWorkspace
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

_CREATE: Final = msgspec.json.Decoder(CreateWorkspace)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/studio/workspaces",
    opt=RouteOpt(
        scope=Scope.ADMIN, body=CreateWorkspace, answer=GovernanceWorkspace, status=201, keyed=True
    ),
)
async def create_workspace(request: AppRequest) -> Response[bytes]:
    """Open a workspace for one agent in one environment, with its first approvers."""
    raw = await body_of(request)
    asked = bodies.decode(_CREATE, raw)

    async def work(tx: Writing) -> Answer:
        made = await service.create_workspace(tx, asked, ids_of(request))
        return Answer(value=made, status=201)

    return await answered(request, raw, work)


@get(
    "/api/v1/studio/workspaces",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[GovernanceWorkspace]),
)
async def list_workspaces(request: AppRequest) -> Response[bytes]:
    """List the tenant's workspaces in the order of their making."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_workspaces(tx, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].workspace_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=GovernanceWorkspace),
)
async def get_workspace(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Return one workspace and what it points at."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await store.get_workspace(tx, workspace_id))


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/approvers",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[ApproverShown]),
)
async def list_approvers(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List who is or was an approver of a workspace: keys as they count now, groups, removals."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        workspace = await store.get_workspace(tx, workspace_id)
        found = await store.list_approvers_after(
            tx, workspace.workspace_id, after=after, limit=asked.limit + 1
        )
        shown = await service.show_approvers(tx, workspace_id, found[: asked.limit])
    cursor = encode_cursor([str(shown[-1].actor_id)]) if len(found) > len(shown) else None
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


HANDLERS = [create_workspace, list_workspaces, get_workspace, list_approvers]
