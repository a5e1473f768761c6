"""Scanning a workspace for drift."""

import asyncio
from collections.abc import Sequence
from typing import cast
from uuid import UUID

import msgspec

from placet.authority import store as authority
from placet.authority.model import CompiledGovernanceArtifact
from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.plans.inventory import store as inventory
from placet.plans.inventory.model import InventoryTool
from placet.policy.model import Ruling
from placet.policy.projection import RuntimeProjection
from placet.replay.observed import store as observed
from placet.replay.observed.model import CallWindow, DecidedCalls
from placet.storage.database import Reading, Writing
from placet.storage.faults import StateMovedOn
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.drift import service as drift
from placet.studio.drift import store as items
from placet.studio.drift.model import Sighting
from placet.studio.drift.scans import rules, store, tools
from placet.studio.drift.scans.model import (
    ApprovalRuntimeReceipt,
    ApprovedTool,
    Difference,
    NothingToScan,
    SeenTool,
)
from placet.studio.rule_evidence import rules as evidence_rules
from placet.studio.rule_evidence import service as evidence
from placet.studio.rule_evidence import store as evidence_store
from placet.studio.rule_evidence.service import Capture, JudgedCapture, Observed
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import WorkspaceStatus


class Material(Value, frozen=True):
    """What a scan compares with an approval beside its calls, as it was read."""

    approval: GovernanceApproval
    artifact: CompiledGovernanceArtifact
    offered: list[InventoryTool]
    captures: list[Capture]


class Prepared(Value, frozen=True):
    """What takes its time, done before the transaction of a scan: tools and captured calls."""

    approval: GovernanceApproval
    artifact: CompiledGovernanceArtifact
    approved: dict[str, ApprovedTool]
    unmatched: Ruling
    new: list[SeenTool]
    changed: list[Difference]
    tool_count: int
    judged: list[JudgedCapture]


async def read_material(tx: Reading, workspace_id: UUID) -> Material:
    """Return what a scan of a workspace needs.

    Refuses `workspace_not_found` and `nothing_to_scan`.
    """
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    is_active = workspace.status is WorkspaceStatus.ACTIVE
    if not is_active or workspace.active_approval_id is None:
        raise NothingToScan(detail="the workspace has no approval in force")
    approval = await approvals.get_approval(tx, workspace.active_approval_id)
    return Material(
        approval=approval,
        artifact=await authority.get_artifact(tx, approval.artifact_id),
        offered=await inventory.list_inventory(tx, workspace.agent, workspace.environment),
        captures=await evidence.read_captures(tx, approval),
    )


async def prepare(material: Material) -> Prepared:
    """Compare tools and judge captured calls. No transaction may be open: this takes its time."""
    approval = material.approval
    runtime = foreign.parse(material.artifact.runtime_projection_json)
    projection = msgspec.convert(runtime, RuntimeProjection)
    approved, seen = _approved(projection), _seen(material.offered)
    return Prepared(
        approval=approval,
        artifact=material.artifact,
        approved=approved,
        unmatched=projection.unmatched_tools,
        new=tools.new_tools(approved, seen, approval.approved_at),
        changed=await asyncio.to_thread(
            tools.changed_tools, list(approved.values()), seen, approval.approved_at
        ),
        tool_count=len(seen),
        judged=await evidence.judge_captures(material.captures, material.artifact),
    )


async def scan_workspace(tx: Writing, ready: Prepared, ids: Ids) -> ApprovalRuntimeReceipt:
    """Compare what happened since the last scan with the approval, and say how much was looked at.

    Refuses `state_moved_on` where another approval is in force by now.
    """
    approval = ready.approval
    await store.hold_scans(tx, approval.approval_id)
    workspace = await workspace_store.get_workspace(tx, approval.workspace_id)
    if workspace.active_approval_id != approval.approval_id:
        raise StateMovedOn(detail="another approval came into force while the scan prepared")
    window = await _window(tx, approval)
    said = await drift.supersede_items(tx, approval)
    said += await drift.reopen_items(tx, approval.workspace_id)
    decided = await observed.count_decisions(tx, window)
    seen, rule_count = await _sightings(tx, ready, window, decided)
    opened: list[Value] = []
    for sighting in seen:
        opened += (await drift.open_drift(tx, sighting, ids))[1]
    receipt = ApprovalRuntimeReceipt(
        tenant_id=tx.tenant_id,
        receipt_id=ids.new(),
        workspace_id=approval.workspace_id,
        approval_id=approval.approval_id,
        compiled_hash=ready.artifact.compiled_hash,
        window_from=window.after,
        window_to=window.until,
        call_count=sum(calls.times for calls in decided),
        tool_count=ready.tool_count,
        source_count=len(ready.judged),
        rule_count=rule_count,
        opened_count=len(opened),
        live_count=len(await items.list_live(tx, approval.workspace_id)),
        checked_by=tx.actor_id,
        checked_at=await tx.now(),
    )
    await store.insert_receipt(tx, receipt)
    await workspaces.tell(
        tx, approval.workspace_id, [*said, *opened, rules.checked_of(receipt)], ids
    )
    return receipt


async def _window(tx: Writing, approval: GovernanceApproval) -> CallWindow:
    """Return the time to look at: from the end of the last scan, at most a day."""
    last = await store.find_last(tx, approval.approval_id)
    after = last.window_to if last else approval.approved_at
    until = min(await observed.settled_until(tx), after + rules.WINDOW_MAX)
    if until <= after:
        raise StateMovedOn(detail="the workspace was scanned at this very moment")
    return CallWindow(artifact_id=approval.artifact_id, after=after, until=until)


async def _sightings(
    tx: Writing, ready: Prepared, window: CallWindow, decided: list[DecidedCalls]
) -> tuple[list[Sighting], int]:
    """Return what is drift, and for how many rules there is evidence."""
    approval = ready.approval
    governed = evidence_rules.governed_rules(
        ready.artifact.review_projection_json, ready.artifact.runtime_projection_json
    )
    before = await evidence_store.list_entries(tx, approval.approval_id)
    succeeded = await observed.count_successes(tx, window)
    found = Observed(decided=decided, succeeded=succeeded, judged=ready.judged)
    entries = await evidence.add_evidence(tx, approval, governed, found)
    live = {
        item.fingerprint: item
        for item in await items.list_live(tx, approval.workspace_id)
        if item.approval_id == approval.approval_id
    }
    look = rules.Look(
        workspace_id=approval.workspace_id,
        approval_id=approval.approval_id,
        approved_at=approval.approved_at,
        unmatched=ready.unmatched,
        rules=governed,
        tools=ready.approved,
        live=live,
        now=await tx.now(),
    )
    misplaced = await observed.count_misplaced(tx, window)
    lasting = [
        *rules.find_new_tools(look, ready.new),
        *rules.find_changed_tools(look, ready.changed),
        *rules.find_unused(look, entries),
    ]
    counted = [
        *rules.find_refused(look, decided),
        *rules.find_misplaced(look, misplaced),
        *rules.find_contradicted(look, before, entries),
    ]
    return [*rules.only_newer(look, lasting), *counted], len(entries)


def _approved(projection: RuntimeProjection) -> dict[str, ApprovedTool]:
    return {
        name: ApprovedTool(
            name=name,
            side_effect=tool.side_effect,
            ruling=tool.ruling,
            schema_hash=tool.schema_hash,
            schema=cast("Json", tool.input_schema),
        )
        for name, tool in projection.tools.items()
    }


def _seen(offered: Sequence[InventoryTool]) -> list[SeenTool]:
    return [
        SeenTool(
            name=tool.tool,
            description_hash=tool.description_hash,
            schema_hash=tool.schema_hash,
            schema=None if tool.input_schema is None else foreign.parse(tool.input_schema.encode()),
            first_seen_at=tool.first_seen_at,
            last_seen_at=tool.last_seen_at,
        )
        for tool in offered
    ]
