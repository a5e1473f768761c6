"""Opening drafts and changing them over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.studio.drafts.model import AppliedCommand, ApplyCommand, DraftAnswer, OpenDraft
from placet.studio.drafts.rules import shown
from placet.studio.origins import service
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answered,
    body_of,
    idempotency_key_of,
    ids_of,
)

_OPEN: Final = msgspec.json.Decoder(OpenDraft)
_APPLY: Final = msgspec.json.Decoder(ApplyCommand)


@post(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/drafts",
    opt=RouteOpt(scope=Scope.AUTHOR, body=OpenDraft, answer=DraftAnswer, status=201, keyed=True),
)
async def open_draft(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Open a draft, empty or with what a parent holds or an approval approved."""
    raw = await body_of(request)
    asked = bodies.decode(_OPEN, raw)
    key = idempotency_key_of(request)

    async def work(tx: Writing) -> Answer:
        draft = await service.open_draft(tx, workspace_id, asked, key, ids_of(request))
        return Answer(value=shown(draft), status=201)

    return await answered(request, raw, work)


@post(
    "/api/v1/studio/drafts/{draft_id:uuid}/commands",
    opt=RouteOpt(
        scope=Scope.AUTHOR, body=ApplyCommand, answer=AppliedCommand, status=201, keyed=True
    ),
)
async def apply_command(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Change a draft by one command, decided on its current version."""
    raw = await body_of(request)
    asked = bodies.decode(_APPLY, raw)
    key = idempotency_key_of(request)

    async def work(tx: Writing) -> Answer:
        applied = await service.apply_command(tx, draft_id, asked, key, ids_of(request))
        return Answer(value=applied, status=201)

    return await answered(request, raw, work)


HANDLERS = [open_draft, apply_command]
