"""A focus over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.views.focus import service
from placet.studio.views.focus.model import Focus
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
_FOCUS: Final = "/api/v1/studio/workspaces/{workspace_id:uuid}/focus"


@get(
    f"{_FOCUS}/judgments/{{judgment_id:str}}",
    opt=RouteOpt(scope=_READERS, query=ViewQuery, answer=Focus),
)
async def get_judgment_focus(
    request: AppRequest, workspace_id: FromPath[UUID], judgment_id: FromPath[str]
) -> Response[bytes]:
    """Return one judgment of the snapshot under review, or of what is in force (`of=approved`)."""
    asked = query_of(request, ViewQuery)
    async with database_of(request).reading(principal_of(request)) as tx:
        facts = await service.read_judgment(tx, workspace_id, judgment_id, asked.of)
    return answer(await service.draw_judgment(facts, judgment_id))


@get(
    f"{_FOCUS}/drift/{{item_id:uuid}}",
    opt=RouteOpt(scope=_READERS, answer=Focus),
)
async def get_drift_focus(
    request: AppRequest, workspace_id: FromPath[UUID], item_id: FromPath[UUID]
) -> Response[bytes]:
    """Return one drift item with its evidence and what each answer to it would lead to."""
    async with database_of(request).reading(principal_of(request)) as tx:
        facts = await service.read_drift(tx, workspace_id, item_id)
    return answer(await service.draw_drift(facts))


HANDLERS = [get_judgment_focus, get_drift_focus]
