"""Taking a drift item up in a draft, by the command that it suggests or another one."""

from collections.abc import Sequence
from typing import Final, cast
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.ids import Ids
from placet.plans.inventory import store as inventory
from placet.plans.inventory.model import InventoryTool
from placet.storage.database import Writing
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import (
    ApplyCommand,
    BusinessDraft,
    Command,
    Comment,
    OpenDraft,
    RemoveToolContract,
    SetToolContract,
)
from placet.studio.drift import service, store
from placet.studio.drift.model import (
    AcceptDrift,
    AcceptedDrift,
    DriftDecision,
    DriftItem,
    DriftKind,
    DriftStatus,
    ToolChange,
)
from placet.studio.drift.rules import check_decision
from placet.studio.drift.scans.tools import found_hash
from placet.studio.origins import service as origins
from placet.studio.workspaces import store as workspaces

UNKNOWN_TOOL: Final[dict[str, Json]] = {
    "side_effect": "write",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "decision": "deny",
}
"""What a tool that nobody described yet is put into a draft with: known, and denied."""

_Document = dict[str, Json]


async def accept_item(
    tx: Writing, item_id: UUID, asked: AcceptDrift, idempotency_key: str, ids: Ids
) -> AcceptedDrift:
    """Take an item up in the workspace's open draft, or in one opened from the approval.

    Refuses `drift_item_not_found`, `drift_closed`, and whatever the draft refuses the command with.
    """
    # Held before anything of the draft is: a scan holds items before it tells of them.
    item = await store.lock_item(tx, item_id)
    check_decision(
        item, DriftDecision(status=DriftStatus.ACCEPTED, reason=asked.reason), await tx.now()
    )
    draft = await _draft(tx, item, idempotency_key, ids)
    command = asked.command or suggest_command(item, draft, await _offered(tx, item))
    applied = await origins.apply_command(
        tx,
        draft.draft_id,
        ApplyCommand(
            expected_draft_version=draft.current_version, command=command, reason=asked.reason
        ),
        idempotency_key,
        ids,
    )
    decision = DriftDecision(
        status=DriftStatus.ACCEPTED, reason=asked.reason, draft_id=draft.draft_id
    )
    return AcceptedDrift(
        item=await service.decide_item(tx, item_id, decision, ids),
        draft_id=draft.draft_id,
        command_id=applied.command_id,
        command_type=applied.command_type,
        version=applied.version,
    )


def suggest_command(
    item: DriftItem, draft: BusinessDraft, offered: Sequence[InventoryTool]
) -> Command:
    """Return the command that would make the draft say what was seen, or else a comment.

    A new tool is put in denied, with the schema that it offers; a changed one gets that schema; one
    that nobody called is taken out. What to do about refused calls only people can say.
    """
    name = item.subject.tool
    contract = _tool_of(draft, name)
    schema = _schema_of(item, offered)
    match item.kind:
        case DriftKind.TOOL_NEW if name is not None and contract is None:
            new = {"tool": name, **UNKNOWN_TOOL}
            return _set_tool(new if schema is None else new | {"input_schema": schema})
        case DriftKind.TOOL_CHANGED if contract is not None and schema is not None:
            if item.subject.change not in {None, ToolChange.DESCRIPTION_ONLY}:
                return _set_tool(contract | {"input_schema": schema})
        case DriftKind.RULE_UNUSED if contract is not None and item.subject.rule is None:
            return RemoveToolContract(tool=str(name))
        case _:
            pass
    text = f"{item.summary} ({item.seen_count} times, last at {item.last_seen_at.isoformat()})"
    return Comment(text=text, target=name if contract is not None else None)


async def _draft(tx: Writing, item: DriftItem, idempotency_key: str, ids: Ids) -> BusinessDraft:
    workspace = await workspaces.get_workspace(tx, item.workspace_id)
    if workspace.active_draft_id is not None:
        return await drafts.get_draft(tx, workspace.active_draft_id)
    asked = OpenDraft(from_approval_id=item.approval_id)
    return await origins.open_draft(tx, item.workspace_id, asked, idempotency_key, ids)


async def _offered(tx: Writing, item: DriftItem) -> list[InventoryTool]:
    workspace = await workspaces.get_workspace(tx, item.workspace_id)
    found = await inventory.list_inventory(tx, workspace.agent, workspace.environment)
    return [tool for tool in found if tool.tool == item.subject.tool]


def _schema_of(item: DriftItem, offered: Sequence[InventoryTool]) -> Json:
    """Return the schema that an item is about, or None where it is not known any more."""
    exact = [
        tool
        for tool in offered
        if item.subject.found
        in {None, found_hash(tool.tool, tool.description_hash, tool.schema_hash)}
    ]
    texts = [tool.input_schema for tool in exact if tool.input_schema is not None]
    return foreign.parse(texts[0].encode()) if texts else None


def _tool_of(draft: BusinessDraft, name: str | None) -> _Document | None:
    contract = cast("_Document", foreign.parse(draft.contract_json))
    listed = cast("list[_Document]", contract.get("tools", []))
    return next((tool for tool in listed if tool["tool"] == name), None)


def _set_tool(contract: _Document) -> SetToolContract:
    return SetToolContract(tool=msgspec.Raw(foreign.encode(contract)))
