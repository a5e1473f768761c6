"""Control paths over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.views.control import service
from placet.studio.views.control.model import ControlPath, ControlQuery
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    principal_of,
    query_of,
)

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/control/{tool:str}",
    opt=RouteOpt(scope=_READERS, query=ControlQuery, answer=ControlPath),
)
async def get_control(
    request: AppRequest, workspace_id: FromPath[UUID], tool: FromPath[str]
) -> Response[bytes]:
    """Return the path of one tool's calls, by what is in force or under review (`of=draft`)."""
    asked = query_of(request, ControlQuery)
    async with database_of(request).reading(principal_of(request)) as tx:
        facts = await service.read_control(tx, workspace_id, tool, asked)
    return answer(await service.draw_control(facts, tool, asked))


HANDLERS = [get_control]
