"""Blame, comments and commands over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.studio.drafts import store
from placet.studio.drafts.history import service
from placet.studio.drafts.history.model import BlameAnswer, CommentsAnswer, CommentsQuery
from placet.studio.drafts.lists.model import CommandAnswer, CommandSummary
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
    "/api/v1/studio/drafts/{draft_id:uuid}/blame",
    opt=RouteOpt(scope=_READERS, answer=BlameAnswer),
)
async def get_blame(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Return who set each rule of a draft, by which command, when and why."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_blame(tx, draft_id))


@get(
    "/api/v1/studio/drafts/{draft_id:uuid}/comments",
    opt=RouteOpt(scope=_READERS, query=CommentsQuery, answer=CommentsAnswer),
)
async def list_comments(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Return what was said about a draft and each of its rules, across its versions."""
    asked = query_of(request, CommentsQuery)
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_comments(tx, draft_id, asked.place))


@get(
    "/api/v1/studio/drafts/{draft_id:uuid}/commands",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[CommandSummary]),
)
async def list_commands(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """List the commands on a draft in the order of their versions, without what they set."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        await store.get_draft(tx, draft_id)
        found = await store.list_commands(tx, draft_id, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([shown[-1].version]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@get(
    "/api/v1/studio/drafts/{draft_id:uuid}/commands/{version:int}",
    opt=RouteOpt(scope=_READERS, answer=CommandAnswer),
)
async def get_command(
    request: AppRequest, draft_id: FromPath[UUID], version: FromPath[int]
) -> Response[bytes]:
    """Return one command with all that its chain hash covers."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_command(tx, draft_id, version))


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    position = decode_cursor(cursor)
    match position:
        case [int(version)] if 0 < version <= store.VERSION_MAX:
            return version
    raise MalformedQuery(detail="the cursor is not one that this list gave", parameter="cursor")


HANDLERS = [get_blame, list_comments, list_commands, get_command]
