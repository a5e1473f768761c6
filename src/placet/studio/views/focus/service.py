"""Showing one judgment or one drift item."""

import asyncio
from uuid import UUID

import msgspec

from placet.kernel.value import Value
from placet.storage.database import Reading
from placet.studio.drafts.model import BusinessDraft, CommandType, DraftStatus
from placet.studio.drift.accepting import suggest_command
from placet.studio.drift.model import DriftItem, DriftItemNotFound
from placet.studio.views.focus import rules, store
from placet.studio.views.focus.model import DriftFacts, Focus, JudgmentFacts, Suggested
from placet.studio.views.model import ViewOf
from placet.studio.workspaces.model import WorkspaceNotFound


class _Typed(Value, frozen=True):
    """What is read of a command: what it does."""

    type: CommandType


async def read_judgment(
    tx: Reading, workspace_id: UUID, judgment_id: str, of: ViewOf | None
) -> JudgmentFacts:
    """Return what the focus on a judgment is made of: of the draft's, unless said otherwise.

    Refuses `workspace_not_found`.
    """
    facts = await store.find_judgment(tx, workspace_id, judgment_id, of or ViewOf.DRAFT)
    if facts is None:
        raise WorkspaceNotFound(detail="there is no workspace with this id")
    return facts


async def read_drift(tx: Reading, workspace_id: UUID, item_id: UUID) -> DriftFacts:
    """Return what the focus on a drift item is made of. Refuses `workspace_not_found`."""
    facts = await store.find_drift(tx, workspace_id, item_id)
    if facts is None:
        raise WorkspaceNotFound(detail="there is no workspace with this id")
    return facts


async def draw_judgment(facts: JudgmentFacts, judgment_id: str) -> Focus:
    """Return the focus of what was read. No transaction may be open.

    Refuses `contract_not_shown` and `judgment_not_found`.
    """
    return await asyncio.to_thread(rules.focus_on_judgment, facts, judgment_id)


async def draw_drift(facts: DriftFacts) -> Focus:
    """Return the focus of what was read. No transaction may be open.

    Refuses `drift_item_not_found`.
    """
    if facts.item is None:
        raise DriftItemNotFound(detail="the workspace has no drift item with this id")
    return await asyncio.to_thread(_drift, facts, facts.item)


def _drift(facts: DriftFacts, item: DriftItem) -> Focus:
    return rules.focus_on_drift(facts, item, _suggested(facts, item))


def _suggested(facts: DriftFacts, item: DriftItem) -> Suggested | None:
    """Return the command that taking the item up would put into a draft, as things are."""
    draft = facts.draft or _reopened(facts, item)
    if draft is None:
        return None
    command = msgspec.json.encode(suggest_command(item, draft, facts.offered))
    return Suggested(
        command_type=msgspec.json.decode(command, type=_Typed).type,
        command=msgspec.Raw(command),
        draft_id=facts.draft.draft_id if facts.draft else None,
    )


def _reopened(facts: DriftFacts, item: DriftItem) -> BusinessDraft | None:
    """Return the draft that would be opened from the item's approval."""
    basis = facts.basis
    if basis is None:
        return None
    return BusinessDraft(
        tenant_id=item.tenant_id,
        draft_id=basis.draft_id,
        workspace_id=item.workspace_id,
        status=DraftStatus.OPEN,
        current_version=0,
        active_snapshot_id=None,
        parent_draft_id=basis.draft_id,
        derived_from_approval_id=item.approval_id,
        approval_id=None,
        contract_json=basis.memory.encode(),
        command_head=b"",
        created_by=facts.workspace.created_by,
        created_at=facts.as_of,
    )
