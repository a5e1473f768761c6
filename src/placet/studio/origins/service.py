"""Commands whose contract stands elsewhere, and drafts that begin with an approval."""

import asyncio
from uuid import UUID

from msgspec.structs import replace

from placet.kernel.foreign import Json
from placet.kernel.ids import ActorId, Ids
from placet.storage.database import Writing
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.draft_sources import rules as span_rules
from placet.studio.draft_sources import service as draft_sources
from placet.studio.drafts import rules as draft_rules
from placet.studio.drafts import service as drafts
from placet.studio.drafts import store as draft_store
from placet.studio.drafts.contract_reading import invalid
from placet.studio.drafts.grounds.model import (
    AcceptInferredRule,
    AddDraftSource,
    RejectInferredRule,
    ReopenJudgment,
    ResolveJudgment,
    RetireDraftSource,
)
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    Brought,
    BusinessDraft,
    DraftChange,
    ImportArtifact,
    OpenDraft,
    Rebase,
    RestoreSnapshot,
    RestoreVersion,
)
from placet.studio.inferred_rules import service as inferred_rules
from placet.studio.judgments import rules as judgments
from placet.studio.origins import rules
from placet.studio.origins.model import RebaseConflict, RebaseTargetMoved, RebaseWithoutBase
from placet.studio.snapshots import service as snapshot_service
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.model import BusinessDraftSnapshot, SnapshotNotFound
from placet.studio.workspaces import store as workspaces


async def open_draft(
    tx: Writing, workspace_id: UUID, asked: OpenDraft, idempotency_key: str, ids: Ids
) -> BusinessDraft:
    """Open a draft: empty, with what its parent holds, or with what an approval approved.

    Refuses what `drafts.service.open_draft` refuses, `approval_not_found`, and `contract_invalid`
    for an approval of another agent.
    """
    if asked.from_approval_id is None:
        return await drafts.open_draft(tx, workspace_id, asked, ids)
    approval = await approvals.get_approval(tx, asked.from_approval_id)
    snapshot = await snapshots.get_snapshot(tx, approval.draft_snapshot_id)
    if approval.workspace_id == workspace_id and asked.parent_draft_id is None:
        reopened = OpenDraft(parent_draft_id=snapshot.draft_id)
        return await drafts.open_draft(tx, workspace_id, reopened, ids)
    begun = OpenDraft(parent_draft_id=asked.parent_draft_id)
    draft = await drafts.open_draft(tx, workspace_id, begun, ids)
    command = ImportArtifact(approval_id=approval.approval_id)
    first = ApplyCommand(expected_draft_version=draft.current_version, command=command)
    await apply_command(tx, draft.draft_id, first, idempotency_key, ids)
    return await draft_store.get_draft(tx, draft.draft_id)


async def apply_command(
    tx: Writing, draft_id: UUID, asked: ApplyCommand, idempotency_key: str, ids: Ids
) -> AppliedCommand:
    """Change a draft by one command, of any type.

    Refuses `draft_not_found`, what `drafts.service.write_command` refuses, and as the page of this
    slice says.
    """
    draft = await draft_store.get_draft(tx, draft_id)
    drafts.check_expected(draft, asked.expected_draft_version)
    change = await change_of(tx, draft, asked, idempotency_key)
    return await drafts.write_command(tx, change, ids)


async def change_of(
    tx: Writing, draft: BusinessDraft, asked: ApplyCommand, idempotency_key: str
) -> DraftChange:
    """Return a command on a draft as it was read, with all that it takes from elsewhere.

    Refuses as the page of this slice says.
    """
    return DraftChange(
        draft=draft,
        asked=asked,
        idempotency_key=idempotency_key,
        brought=await _brought(tx, draft, asked),
        found=await _found(tx, draft, asked),
    )


async def _found(tx: Writing, draft: BusinessDraft, asked: ApplyCommand) -> dict[str, Json]:
    """Return what a command names, as it stands there."""
    spans = await draft_sources.span_fields(tx, draft, asked.sources)
    match asked.command:
        case AddDraftSource() | RetireDraftSource():
            return spans | await draft_sources.source_fields(tx, draft, asked.command)
        case ResolveJudgment() | ReopenJudgment():
            review = await snapshot_service.review_draft(tx, draft)
            answer = judgments.decide_answer(review.judgments, asked.command, asked.reason)
            return spans | answer
        case AcceptInferredRule() | RejectInferredRule():
            ruling = await inferred_rules.ruling_fields(tx, draft, asked.command)
            return {**ruling, "sources": span_rules.united(ruling, spans)}
        case _:
            return spans


async def _brought(tx: Writing, draft: BusinessDraft, asked: ApplyCommand) -> Brought | None:
    """Return the contract that a command takes from elsewhere, or None if it takes none."""
    match asked.command:
        case RestoreVersion(version=version):
            return await _version(tx, draft, version)
        case RestoreSnapshot(snapshot_id=snapshot_id):
            return await _snapshot(tx, draft, snapshot_id)
        case ImportArtifact(approval_id=approval_id):
            return await _artifact(tx, draft, approval_id)
        case Rebase(approval_id=approval_id):
            return await _rebased(tx, draft, approval_id)
        case _:
            return None


async def _version(tx: Writing, draft: BusinessDraft, version: int) -> Brought:
    if version > draft.current_version:
        raise invalid(
            code="unknown_version",
            path="$.version",
            message=f"the draft is at version {draft.current_version}",
        )
    history = await draft_store.list_replayed(tx, replace(draft, current_version=version))
    first = draft_rules.empty_document(draft_rules.agent_of(draft.contract_json))
    payloads = [command.payload_json for command in history]
    return _as_is(draft, await asyncio.to_thread(draft_rules.replay_all, first, payloads))


async def _snapshot(tx: Writing, draft: BusinessDraft, snapshot_id: UUID) -> Brought:
    snapshot = await snapshots.get_snapshot(tx, snapshot_id)
    if snapshot.draft_id not in await draft_store.list_lineage(tx, draft.draft_id):
        raise SnapshotNotFound(detail="the draft has no snapshot with this id")
    return _as_is(draft, snapshot.memory_json)


async def _artifact(tx: Writing, draft: BusinessDraft, approval_id: UUID) -> Brought:
    approval, snapshot = await _approved(tx, approval_id)
    ours = await workspaces.get_workspace(tx, draft.workspace_id)
    theirs = await workspaces.get_workspace(tx, approval.workspace_id)
    if theirs.agent != ours.agent:
        raise invalid(
            code="wrong_agent",
            path="$.approval_id",
            message=f"the workspace is for the agent `{ours.agent}`",
        )
    return replace(_as_is(draft, snapshot.memory_json), authors=await _wrote(tx, snapshot))


async def _rebased(tx: Writing, draft: BusinessDraft, approval_id: UUID) -> Brought:
    workspace = await workspaces.get_workspace(tx, draft.workspace_id)
    if approval_id != workspace.active_approval_id:
        raise RebaseTargetMoved(
            detail="that approval is not the active one of the workspace",
            active_approval_id=workspace.active_approval_id,
        )
    if draft.derived_from_approval_id is None:
        raise RebaseWithoutBase(detail="the draft stems from no approval of its workspace")
    _, base = await _approved(tx, draft.derived_from_approval_id)
    _, theirs = await _approved(tx, approval_id)
    wrote = await _wrote(tx, theirs)
    contract, conflicts = rules.merge_documents(
        base.memory_json, draft.contract_json, theirs.memory_json
    )
    if conflicts:
        raise RebaseConflict(
            detail=f"{len(conflicts)} places were changed by both", conflicts=conflicts
        )
    return Brought(contract=contract, derived_from_approval_id=approval_id, authors=wrote)


async def _wrote(tx: Writing, snapshot: BusinessDraftSnapshot) -> tuple[ActorId, ...]:
    """Return everybody who wrote what a snapshot holds, whoever approved it."""
    return tuple(await draft_store.list_authors(tx, snapshot.draft_id, in_force=None))


async def _approved(
    tx: Writing, approval_id: UUID
) -> tuple[GovernanceApproval, BusinessDraftSnapshot]:
    approval = await approvals.get_approval(tx, approval_id)
    return approval, await snapshots.get_snapshot(tx, approval.draft_snapshot_id)


def _as_is(draft: BusinessDraft, contract: bytes) -> Brought:
    return Brought(contract=contract, derived_from_approval_id=draft.derived_from_approval_id)
