"""Opening a draft, and changing it by commands."""

from uuid import UUID

from msgspec.structs import replace

from placet.kernel.ids import ActorId, Ids
from placet.kernel.value import Value
from placet.plans import service as plans
from placet.storage.database import Reading, Writing
from placet.storage.faults import StateMovedOn
from placet.studio.drafts import rules, store
from placet.studio.drafts.contract_reading import type_of
from placet.studio.drafts.model import (
    AppliedCommand,
    BusinessCommand,
    BusinessDraft,
    Command,
    CommandHeader,
    CommandOrigin,
    CommandType,
    DraftAlreadyOpen,
    DraftChange,
    DraftClosed,
    DraftCommandApplied,
    DraftId,
    DraftNotFound,
    DraftOpened,
    DraftStatus,
    DraftSuperseded,
    DraftVersionConflict,
    OpenDraft,
    ReopenComment,
    ResolveComment,
    ValidationState,
)
from placet.studio.drafts.places import Document
from placet.studio.workspaces import rules as workspace_rules
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import GovernanceWorkspace


async def open_draft(tx: Writing, workspace_id: UUID, asked: OpenDraft, ids: Ids) -> BusinessDraft:
    """Open a draft of a workspace, empty or with what its parent holds.

    An open parent is superseded. Refuses `workspace_not_found`, `draft_not_found` for a parent
    that is not of this workspace, and `draft_already_open`.
    """
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    workspace_rules.check_active(workspace)
    parent = await _parent(tx, workspace, asked)
    draft = BusinessDraft(
        tenant_id=tx.tenant_id,
        draft_id=DraftId(ids.new()),
        workspace_id=workspace.workspace_id,
        status=DraftStatus.OPEN,
        current_version=0,
        active_snapshot_id=None,
        parent_draft_id=asked.parent_draft_id,
        derived_from_approval_id=_origin(parent),
        approval_id=None,
        contract_json=parent.contract_json if parent else rules.empty_document(workspace.agent),
        command_head=parent.command_head if parent else rules.NO_HISTORY,
        created_by=tx.actor_id,
        created_at=await tx.now(),
    )
    said: list[Value] = []
    if (
        parent
        and parent.status is DraftStatus.OPEN
        and await store.advance_to_superseded(tx, parent)
    ):
        said.append(DraftSuperseded(draft_id=parent.draft_id, by_draft_id=draft.draft_id))
    if not await store.insert_draft(tx, draft):
        raise await _already_open(tx, workspace)
    if not await workspace_store.advance_draft(tx, workspace, draft.draft_id):
        raise StateMovedOn(detail="the workspace was changed at the same moment")
    said.append(_opened(draft))
    await workspaces.tell(tx, workspace.workspace_id, said, ids)
    return draft


async def write_command(tx: Writing, change: DraftChange, ids: Ids) -> AppliedCommand:
    """Write a command on the draft as it was read, with all that it needs from elsewhere.

    Refuses `draft_closed`, `draft_version_conflict`, `contract_invalid`, `comment_not_found`.
    """
    draft, asked = change.draft, change.asked
    await _check_comment(tx, draft, asked.command)
    workspace = await workspace_store.get_workspace(tx, draft.workspace_id)
    contract, payload = rules.decide_command(
        draft.contract_json,
        workspace.agent,
        asked.command,
        reason=asked.reason,
        found=_found(change),
    )
    header = _header(draft, tx, type_of(asked.command), ids)
    command = BusinessCommand(
        tenant_id=tx.tenant_id,
        draft_id=draft.draft_id,
        version=header.version,
        command_id=header.command_id,
        command_type=header.command_type,
        payload_json=payload,
        expected_draft_version=asked.expected_draft_version,
        origin=header.origin,
        actor_id=header.actor_id,
        idempotency_key=change.idempotency_key,
        validation_state=ValidationState.ACCEPTED,
        applied_at=await tx.now(),
        chain_hash=rules.chain_hash(draft.command_head, payload, header),
    )
    if not await store.advance_by_command(tx, draft, command, _after(change, contract)):
        raise await came_late(tx, draft.draft_id)
    await workspaces.tell(tx, draft.workspace_id, [_applied(command)], ids)
    return AppliedCommand(
        draft_id=draft.draft_id,
        command_id=command.command_id,
        command_type=command.command_type,
        version=command.version,
        chain_hash=command.chain_hash.hex(),
        applied_at=command.applied_at,
    )


def _found(change: DraftChange) -> Document:
    brought = rules.brought_fields(change.brought) if change.brought else {}
    return {**change.found, **brought}


def _after(change: DraftChange, contract: bytes) -> BusinessDraft:
    draft, brought = change.draft, change.brought
    stems_from = brought.derived_from_approval_id if brought else draft.derived_from_approval_id
    return replace(draft, contract_json=contract, derived_from_approval_id=stems_from)


async def _check_comment(tx: Writing, draft: BusinessDraft, command: Command) -> None:
    if isinstance(command, ResolveComment | ReopenComment):
        await store.check_comment(tx, draft.draft_id, command.command_id)


async def list_authors(tx: Reading, draft_id: UUID) -> frozenset[ActorId]:
    """Return who wrote a draft: what holds already without it is nobody's here.

    Refuses `draft_not_found`.
    """
    draft = await store.get_draft(tx, draft_id)
    workspace = await workspace_store.get_workspace(tx, draft.workspace_id)
    plan = await plans.find_underlying(tx, workspace.agent, workspace.environment)
    in_force = None if plan is None else plan.approval_id
    return await store.list_authors(tx, draft_id, in_force=in_force)


def check_expected(draft: BusinessDraft, expected: int) -> None:
    """Refuse `draft_closed` and `draft_version_conflict`."""
    if draft.status is not DraftStatus.OPEN:
        raise _closed(draft)
    if draft.current_version != expected:
        raise _moved_on(draft)


def _closed(draft: BusinessDraft) -> DraftClosed:
    return DraftClosed(detail=f"the draft is `{draft.status}`", draft_status=draft.status)


def _moved_on(draft: BusinessDraft) -> DraftVersionConflict:
    return DraftVersionConflict(
        detail=f"the draft is at version {draft.current_version}",
        current_version=draft.current_version,
    )


async def came_late(tx: Writing, draft_id: UUID) -> DraftClosed | DraftVersionConflict:
    """Return why a guarded change met no row, from the draft as it is now."""
    draft = await store.get_draft(tx, draft_id)
    return _closed(draft) if draft.status is not DraftStatus.OPEN else _moved_on(draft)


async def _parent(
    tx: Writing, workspace: GovernanceWorkspace, asked: OpenDraft
) -> BusinessDraft | None:
    if asked.parent_draft_id is None:
        return None
    parent = await store.get_draft(tx, asked.parent_draft_id)
    if parent.workspace_id != workspace.workspace_id:
        raise DraftNotFound(detail="there is no draft with this id")
    return parent


def _origin(parent: BusinessDraft | None) -> UUID | None:
    if parent is None:
        return None
    return parent.approval_id or parent.derived_from_approval_id


async def _already_open(tx: Writing, workspace: GovernanceWorkspace) -> DraftAlreadyOpen:
    existing = await store.find_open_draft(tx, workspace.workspace_id)
    return DraftAlreadyOpen(
        detail="a workspace has at most one open draft",
        draft_id=existing.draft_id if existing else None,
    )


def _opened(draft: BusinessDraft) -> DraftOpened:
    return DraftOpened(
        draft_id=draft.draft_id,
        parent_draft_id=draft.parent_draft_id,
        derived_from_approval_id=draft.derived_from_approval_id,
        command_history_hash=draft.command_head.hex(),
    )


def _header(draft: BusinessDraft, tx: Writing, kind: CommandType, ids: Ids) -> CommandHeader:
    return CommandHeader(
        tenant_id=tx.tenant_id,
        workspace_id=draft.workspace_id,
        draft_id=draft.draft_id,
        version=draft.current_version + 1,
        command_id=ids.new(),
        command_type=kind,
        actor_id=tx.actor_id,
        origin=_origin_of(kind),
    )


def _origin_of(kind: CommandType) -> CommandOrigin:
    is_inferred = kind is CommandType.ACCEPT_INFERRED_RULE
    return CommandOrigin.INFERENCE if is_inferred else CommandOrigin.API


def _applied(command: BusinessCommand) -> DraftCommandApplied:
    return DraftCommandApplied(
        draft_id=command.draft_id,
        version=command.version,
        command_id=command.command_id,
        command_type=command.command_type,
        origin=command.origin,
        chain_hash=command.chain_hash.hex(),
    )
