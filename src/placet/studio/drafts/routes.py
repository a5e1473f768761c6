"""Drafts and commands over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.studio.drafts import store
from placet.studio.drafts.model import DraftAnswer
from placet.studio.drafts.rules import shown
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    principal_of,
)

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/studio/drafts/{draft_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=DraftAnswer),
)
async def get_draft(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Return one draft with the contract as it stands."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(shown(await store.get_draft(tx, draft_id)))


HANDLERS = [get_draft]
