"""Freezing a draft."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.policy.finding import Finding
from placet.policy.projection import COMPILER_VERSION
from placet.storage.database import Reading, Writing
from placet.storage.faults import StateMovedOn
from placet.studio.draft_sources import service as draft_sources
from placet.studio.drafts import rules as draft_rules
from placet.studio.drafts import service as draft_service
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import BusinessCommand, BusinessDraft
from placet.studio.drafts.standing import Standing
from placet.studio.judgments import rules as judgment_rules
from placet.studio.judgments.model import Judgment
from placet.studio.snapshots import rules, store
from placet.studio.snapshots.model import (
    BusinessDraftSnapshot,
    DraftReview,
    SnapshotId,
    SnapshotTaken,
    TakeSnapshot,
)
from placet.studio.sources import rules as source_rules
from placet.studio.sources import store as source_store
from placet.studio.sources.model import NamedTool
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import GovernanceWorkspace

_REPLAYED_MAX: Final = 200
_REPLAYED_BYTES_MAX: Final = 4 * 1024 * 1024
"""Commands, and bytes of them, that are replayed between two words with the database."""


async def take_snapshot(
    tx: Writing, draft_id: UUID, asked: TakeSnapshot, ids: Ids
) -> BusinessDraftSnapshot:
    """Freeze a draft at its present version; the same version gives the same snapshot again.

    Refuses `draft_not_found`, `draft_closed` and `draft_version_conflict`.
    """
    draft = await drafts.get_draft(tx, draft_id)
    draft_service.check_expected(draft, asked.expected_draft_version)
    if not await drafts.lock_draft(tx, draft):
        raise await draft_service.came_late(tx, draft_id)
    existing = await store.find_snapshot_at(tx, draft, COMPILER_VERSION)
    if existing is not None:
        return existing
    workspace = await workspace_store.get_workspace(tx, draft.workspace_id)
    snapshot = await _snapshot(tx, draft, workspace, ids)
    await store.insert_snapshot(tx, snapshot)
    if not (
        await drafts.advance_snapshot(tx, draft, snapshot.snapshot_id)
        and await workspace_store.advance_snapshot(tx, workspace, snapshot.snapshot_id)
    ):
        raise StateMovedOn(detail="the workspace was changed at the same moment")
    await workspaces.tell(tx, draft.workspace_id, [_taken(snapshot)], ids)
    return snapshot


def _taken(snapshot: BusinessDraftSnapshot) -> SnapshotTaken:
    return SnapshotTaken(
        snapshot_id=snapshot.snapshot_id,
        draft_id=snapshot.draft_id,
        version=snapshot.version,
        status=snapshot.status,
        snapshot_hash=snapshot.snapshot_hash,
        command_history_hash=snapshot.command_history_hash,
        compiler_version=snapshot.compiler_version,
    )


async def show_review(tx: Reading, draft_id: UUID) -> DraftReview:
    """Return what a snapshot of a draft would hold now. Refuses `draft_not_found`."""
    draft = await drafts.get_draft(tx, draft_id)
    return await review_draft(tx, draft)


async def review_draft(tx: Reading, draft: BusinessDraft) -> DraftReview:
    """Return what a snapshot of a draft as it was read would hold."""
    workspace = await workspace_store.get_workspace(tx, draft.workspace_id)
    standing = await draft_sources.read_standing(tx, draft)
    named = await source_store.list_tools(tx, list(standing.sources))
    # A contract of a megabyte takes long to check, and others wait for the loop.
    findings, judgments = await asyncio.to_thread(
        _judged, draft, workspace.environment, named, standing
    )
    judgments = await _still_answered(tx, draft, workspace.agent, judgments)
    return DraftReview(
        draft_id=draft.draft_id,
        version=draft.current_version,
        status=rules.decide_status(findings, judgments),
        source_snapshot_hash=source_rules.source_snapshot_hash(standing.counted()),
        sources=sorted(standing.counted(), key=lambda source: source.source_id),
        command_history_hash=draft.command_head.hex(),
        findings=findings,
        judgments=judgments,
        compiler_version=COMPILER_VERSION,
    )


async def _still_answered(
    tx: Reading, draft: BusinessDraft, agent: str, judgments: list[Judgment]
) -> list[Judgment]:
    """Return the judgments of a draft as it was read, without the answers that fell since."""
    given = [one.answer.command_id for one in judgments if one.answer]
    if not given:
        return judgments
    commands = await drafts.list_replayed(tx, draft, given)
    first = draft_rules.read_document(draft_rules.empty_document(agent))
    answers = judgment_rules.Answers(judgments, first)
    for some in portions(commands):
        await asyncio.to_thread(answers.follow, some)
        # A transaction in which nothing is asked for two seconds is ended.
        await tx.now()
    return answers.judgments()


def portions(commands: Sequence[BusinessCommand]) -> Iterator[list[BusinessCommand]]:
    """Yield commands in order, as many at a time as are replayed well within two seconds."""
    some: list[BusinessCommand] = []
    size = 0
    for command in commands:
        some.append(command)
        size += len(command.payload_json)
        if len(some) == _REPLAYED_MAX or size > _REPLAYED_BYTES_MAX:
            yield some
            some, size = [], 0
    if some:
        yield some


def _judged(
    draft: BusinessDraft,
    environment: Environment,
    named: list[NamedTool],
    standing: Standing,
) -> tuple[list[Finding], list[Judgment]]:
    findings = rules.check_memory(draft.contract_json, environment)
    document = draft_rules.read_document(draft.contract_json)
    return findings, judgment_rules.judgments_of(document, findings, named, standing.answers)


async def _snapshot(
    tx: Writing, draft: BusinessDraft, workspace: GovernanceWorkspace, ids: Ids
) -> BusinessDraftSnapshot:
    review = await review_draft(tx, draft)
    snapshot = BusinessDraftSnapshot(
        tenant_id=tx.tenant_id,
        snapshot_id=SnapshotId(ids.new()),
        workspace_id=draft.workspace_id,
        draft_id=draft.draft_id,
        version=review.version,
        status=review.status,
        memory_json=draft.contract_json,
        snapshot_hash="",
        source_snapshot_hash=review.source_snapshot_hash,
        sources=review.sources,
        command_history_hash=review.command_history_hash,
        findings=review.findings,
        judgments=review.judgments,
        generation_profile=rules.GENERATION_PROFILE,
        compiler_version=review.compiler_version,
        created_by=tx.actor_id,
        created_at=await tx.now(),
    )
    content = rules.content_of(snapshot, workspace.environment)
    return replace(snapshot, snapshot_hash=rules.snapshot_hash(content))
