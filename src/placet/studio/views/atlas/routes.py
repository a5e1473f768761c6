"""The Atlas over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.views.atlas import service
from placet.studio.views.atlas.model import Atlas
from placet.studio.views.model import ViewQuery
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
    "/api/v1/studio/workspaces/{workspace_id:uuid}/atlas",
    opt=RouteOpt(scope=_READERS, query=ViewQuery, answer=Atlas),
)
async def get_atlas(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Return a workspace on one page: what is in force, or what is under review (`of=draft`)."""
    asked = query_of(request, ViewQuery)
    async with database_of(request).reading(principal_of(request)) as tx:
        facts = await service.read_atlas(tx, workspace_id, asked.of)
    return answer(await service.draw_atlas(facts))


HANDLERS = [get_atlas]
