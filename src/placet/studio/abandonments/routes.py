"""Giving drafts up over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.studio.abandonments import service
from placet.studio.abandonments.model import AbandonDraft
from placet.studio.drafts.model import DraftAnswer
from placet.studio.drafts.rules import shown
from placet.tenancy.entry import Answer, AppRequest, RouteOpt, answered, body_of, ids_of

_ABANDON: Final = msgspec.json.Decoder(AbandonDraft)


@post(
    "/api/v1/studio/drafts/{draft_id:uuid}/abandon",
    opt=RouteOpt(scope=Scope.AUTHOR, body=AbandonDraft, answer=DraftAnswer, keyed=True),
)
async def abandon_draft(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Give an open draft up, and withdraw the request for its approval."""
    raw = await body_of(request)
    asked = bodies.decode(_ABANDON, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(
            value=shown(await service.abandon_draft(tx, draft_id, asked, ids_of(request)))
        )

    return await answered(request, raw, work)


HANDLERS = [abandon_draft]
