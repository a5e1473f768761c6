"""Drafts and commands over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.studio.drafts import store
from placet.studio.drafts.lists.model import DraftSummary
from placet.studio.drafts.model import DraftAnswer
from placet.studio.drafts.rules import shown
from placet.studio.workspaces import store as workspaces
from placet.tenancy.entry import (
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    database_of,
    principal_of,
    query_of,
)

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/studio/drafts/{draft_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=DraftAnswer),
)
async def get_draft(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Return one draft with the contract as it stands."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(shown(await store.get_draft(tx, draft_id)))


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/drafts",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[DraftSummary]),
)
async def list_drafts(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List a workspace's drafts in the order of their making, without contracts."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        await workspaces.get_workspace(tx, workspace_id)
        found = await store.list_drafts(tx, workspace_id, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].draft_id)]) if len(found) > len(shown) else None
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


HANDLERS = [get_draft, list_drafts]
