"""Readiness over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.settings import Settings
from placet.studio.readiness import service
from placet.studio.readiness.model import Readiness, Thresholds
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    kept_of,
    principal_of,
)

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/readiness",
    opt=RouteOpt(scope=_READERS, answer=Readiness),
)
async def get_readiness(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Return how much of an agent was observed, beside how much makes its plan ready."""
    settings = kept_of(request, Settings)
    asked = Thresholds(
        calls_min=settings.ready_calls_min, confidence_percent=settings.ready_confidence_percent
    )
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.look(tx, workspace_id, asked))


HANDLERS = [get_readiness]
