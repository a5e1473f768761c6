"""The sources of a draft over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.draft_sources import service
from placet.studio.draft_sources.model import DraftSourcesAnswer
from placet.tenancy.entry import AppRequest, RouteOpt, answer, database_of, principal_of

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/studio/drafts/{draft_id:uuid}/sources",
    opt=RouteOpt(scope=_READERS, answer=DraftSourcesAnswer),
)
async def list_draft_sources(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Return the sources that a draft counts, with the command that added each."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_sources(tx, draft_id))


HANDLERS = [list_draft_sources]
