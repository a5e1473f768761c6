"""Conformance findings over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.views.conformance import service
from placet.studio.views.conformance.model import Conformance
from placet.tenancy.entry import AppRequest, RouteOpt, answer, database_of, principal_of

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/conformance",
    opt=RouteOpt(scope=_READERS, answer=Conformance),
)
async def get_conformance(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Return whether the runtime keeps to the approval in force, as far as anybody looked."""
    async with database_of(request).reading(principal_of(request)) as tx:
        facts = await service.read_conformance(tx, workspace_id)
    return answer(await service.draw_conformance(facts))


HANDLERS = [get_conformance]
