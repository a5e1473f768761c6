"""Blame and comments over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.drafts.history import service
from placet.studio.drafts.history.model import BlameAnswer, CommentsAnswer, CommentsQuery
from placet.tenancy.entry import (
    AppRequest,
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


HANDLERS = [get_blame, list_comments]
