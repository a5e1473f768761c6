"""Approval previews over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.views.preview import service
from placet.studio.views.preview.model import ApprovalPreview
from placet.tenancy.entry import AppRequest, RouteOpt, answer, database_of, principal_of

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/studio/approval-requests/{request_id:uuid}/preview",
    opt=RouteOpt(scope=_READERS, answer=ApprovalPreview),
)
async def get_preview(request: AppRequest, request_id: FromPath[UUID]) -> Response[bytes]:
    """Return what an approval would change, what stands against it, and whose votes are missing."""
    async with database_of(request).reading(principal_of(request)) as tx:
        facts = await service.read_preview(tx, request_id)
    return answer(await service.draw_preview(facts))


HANDLERS = [get_preview]
