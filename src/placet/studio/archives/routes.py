"""Archiving over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.studio.archives import service
from placet.studio.workspaces.model import ArchiveWorkspace, GovernanceWorkspace
from placet.tenancy.entry import Answer, AppRequest, RouteOpt, answered, body_of, ids_of

_ARCHIVE: Final = msgspec.json.Decoder(ArchiveWorkspace)


@post(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/archive",
    opt=RouteOpt(
        scope=(Scope.OPERATE, Scope.ADMIN),
        body=ArchiveWorkspace,
        answer=GovernanceWorkspace,
        keyed=True,
    ),
)
async def archive_workspace(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Close a workspace for good; what it has in force stays so until it expires or is revoked."""
    raw = await body_of(request)
    asked = bodies.decode(_ARCHIVE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(
            value=await service.archive_workspace(tx, workspace_id, asked, ids_of(request))
        )

    return await answered(request, raw, work)


HANDLERS = [archive_workspace]
