"""Drafts, commands and snapshots over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.studio.drafts import service, store
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    BusinessDraft,
    BusinessDraftSnapshot,
    DraftAnswer,
    OpenDraft,
    SnapshotAnswer,
    TakeSnapshot,
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
_TAKE: Final = msgspec.json.Decoder(TakeSnapshot)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/drafts",
    opt=RouteOpt(scope=Scope.AUTHOR, body=OpenDraft, answer=DraftAnswer, status=201, keyed=True),
)
async def open_draft(request: AppRequest, workspace_id: UUID) -> Response[bytes]:
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
async def get_draft(request: AppRequest, draft_id: UUID) -> Response[bytes]:
    """Return one draft with the contract as it stands."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(_shown(await store.get_draft(tx, draft_id)))


@post(
    "/api/v1/studio/drafts/{draft_id:uuid}/commands",
    opt=RouteOpt(
        scope=Scope.AUTHOR, body=ApplyCommand, answer=AppliedCommand, status=201, keyed=True
    ),
)
async def apply_command(request: AppRequest, draft_id: UUID) -> Response[bytes]:
    """Change a draft by one command, decided on its current version."""
    raw = await body_of(request)
    asked = bodies.decode(_APPLY, raw)
    key = idempotency_key_of(request)

    async def work(tx: Writing) -> Answer:
        applied = await service.apply_command(tx, draft_id, asked, key, ids_of(request))
        return Answer(value=applied, status=201)

    return await answered(request, raw, work)


@post(
    "/api/v1/studio/drafts/{draft_id:uuid}/snapshots",
    opt=RouteOpt(
        scope=Scope.AUTHOR, body=TakeSnapshot, answer=SnapshotAnswer, status=201, keyed=True
    ),
)
async def take_snapshot(request: AppRequest, draft_id: UUID) -> Response[bytes]:
    """Freeze a draft at its current version, with everything that is found in it."""
    raw = await body_of(request)
    asked = bodies.decode(_TAKE, raw)

    async def work(tx: Writing) -> Answer:
        snapshot = await service.take_snapshot(tx, draft_id, asked, ids_of(request))
        return Answer(value=_frozen(snapshot), status=201)

    return await answered(request, raw, work)


@get(
    "/api/v1/studio/snapshots/{snapshot_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=SnapshotAnswer),
)
async def get_snapshot(request: AppRequest, snapshot_id: UUID) -> Response[bytes]:
    """Return one snapshot with the contract as it was."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(_frozen(await store.get_snapshot(tx, snapshot_id)))


def _shown(draft: BusinessDraft) -> DraftAnswer:
    return DraftAnswer(
        draft_id=draft.draft_id,
        workspace_id=draft.workspace_id,
        status=draft.status,
        current_version=draft.current_version,
        active_snapshot_id=draft.active_snapshot_id,
        parent_draft_id=draft.parent_draft_id,
        derived_from_approval_id=draft.derived_from_approval_id,
        contract=msgspec.Raw(draft.contract_json),
        command_history_hash=draft.command_head.hex(),
        created_by=draft.created_by,
        created_at=draft.created_at,
    )


def _frozen(snapshot: BusinessDraftSnapshot) -> SnapshotAnswer:
    return SnapshotAnswer(
        snapshot_id=snapshot.snapshot_id,
        workspace_id=snapshot.workspace_id,
        draft_id=snapshot.draft_id,
        version=snapshot.version,
        status=snapshot.status,
        memory=msgspec.Raw(snapshot.memory_json),
        snapshot_hash=snapshot.snapshot_hash,
        source_snapshot_hash=snapshot.source_snapshot_hash,
        command_history_hash=snapshot.command_history_hash,
        findings=snapshot.findings,
        generation_profile=snapshot.generation_profile,
        compiler_version=snapshot.compiler_version,
        created_by=snapshot.created_by,
        created_at=snapshot.created_at,
    )


HANDLERS = [open_draft, get_draft, apply_command, take_snapshot, get_snapshot]
