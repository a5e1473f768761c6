"""Adding material to a workspace."""

import asyncio
from uuid import UUID

from placet.kernel.ids import Ids
from placet.storage.database import Reading, Writing
from placet.storage.faults import StateMovedOn
from placet.storage.work import JUDGE_READINESS, put_due
from placet.studio.sources import rules, store
from placet.studio.sources.model import (
    AddSource,
    BusinessSource,
    Material,
    SourceAdded,
    SourceId,
    SourceKind,
    SourceSummary,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store


async def examine(asked: AddSource) -> Material:
    """Return what of a source may be kept. No transaction may be open: this takes its time.

    Refuses `source_too_large` and `source_unreadable`.
    """
    return await asyncio.to_thread(rules.examine, asked)


async def add_source(
    tx: Writing, workspace_id: UUID, material: Material, ids: Ids
) -> tuple[SourceSummary, bool]:
    """Keep a source, and say whether it is new; the same content again is the first source.

    Refuses `workspace_not_found` and `workspace_not_active`.
    """
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    await workspace_store.hold_active(tx, workspace_id)
    source = BusinessSource(
        tenant_id=tx.tenant_id,
        source_id=SourceId(ids.new()),
        workspace_id=workspace.workspace_id,
        kind=material.kind,
        title=material.title,
        media_type=material.media_type,
        content=material.content,
        content_hash=material.content_hash,
        received_bytes=material.received_bytes,
        line_count=material.line_count,
        provenance=material.provenance,
        security_status=material.security_status,
        quarantine_reason=material.quarantine_reason,
        ingestion_status=material.ingestion_status,
        failure=material.failure,
        failure_line=material.failure_line,
        findings=material.findings,
        finding_count=material.finding_count,
        parts=material.parts,
        added_by=tx.actor_id,
        added_at=await tx.now(),
    )
    if not await store.insert_source(tx, source):
        first = await store.find_same(tx, source)
        if first is None:
            raise StateMovedOn(detail="the source was added at the same moment")
        return first, False
    if source.kind is SourceKind.OBSERVED_RUNS:
        await put_due(tx, JUDGE_READINESS, workspace.workspace_id, source.added_at)
    await workspaces.tell(tx, workspace.workspace_id, [_added(source)], ids)
    return rules.summary_of(source), True


async def list_sources(
    tx: Reading, workspace_id: UUID, *, after: UUID | None, limit: int
) -> list[SourceSummary]:
    """Return up to `limit` sources of a workspace in the order of their adding.

    Refuses `workspace_not_found`.
    """
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    return await store.list_sources(tx, workspace.workspace_id, after=after, limit=limit)


def _added(source: BusinessSource) -> SourceAdded:
    return SourceAdded(
        source_id=source.source_id,
        kind=source.kind,
        media_type=source.media_type,
        content_hash=source.content_hash,
        security_status=source.security_status,
        ingestion_status=source.ingestion_status,
        finding_count=source.finding_count,
    )
