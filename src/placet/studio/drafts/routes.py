"""Drafts and commands over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.studio.drafts import service, store
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    BusinessDraft,
    DraftAnswer,
    OpenDraft,
)
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    idempotency_key_of,
    ids_of,
    principal_of,
)

_OPEN: Final = msgspec.json.Decoder(OpenDraft)
_APPLY: Final = msgspec.json.Decoder(ApplyCommand)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/drafts",
    opt=RouteOpt(scope=Scope.AUTHOR, body=OpenDraft, answer=DraftAnswer, status=201, keyed=True),
)
async def open_draft(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """Open a draft, empty or with what a parent holds."""
    raw = await body_of(request)
    asked = bodies.decode(_OPEN, raw)

    async def work(tx: Writing) -> Answer:
        draft = await service.open_draft(tx, workspace_id, asked, ids_of(request))
        return Answer(value=_shown(draft), status=201)

    return await answered(request, raw, work)


@get(
    "/api/v1/studio/drafts/{draft_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=DraftAnswer),
)
async def get_draft(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Return one draft with the contract as it stands."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(_shown(await store.get_draft(tx, draft_id)))


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


def _shown(draft: BusinessDraft) -> DraftAnswer:
    return DraftAnswer(
        draft_id=draft.draft_id,
        workspace_id=draft.workspace_id,
        status=draft.status,
        current_version=draft.current_version,
        active_snapshot_id=draft.active_snapshot_id,
        parent_draft_id=draft.parent_draft_id,
        derived_from_approval_id=draft.derived_from_approval_id,
        approval_id=draft.approval_id,
        contract=msgspec.Raw(draft.contract_json),
        command_history_hash=draft.command_head.hex(),
        created_by=draft.created_by,
        created_at=draft.created_at,
    )


HANDLERS = [open_draft, get_draft, apply_command]
