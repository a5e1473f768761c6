"""Scanning a workspace for drift."""

from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.replay.observed import store as observed
from placet.replay.observed.model import CallWindow, DecidedCalls
from placet.storage.database import Writing
from placet.storage.faults import StateMovedOn
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.drift import service as drift
from placet.studio.drift import store as items
from placet.studio.drift.model import Sighting
from placet.studio.drift.scans import look, rules, store, tool_drift
from placet.studio.drift.scans.material import Prepared
from placet.studio.drift.scans.model import (
    ApprovalRuntimeReceipt,
)
from placet.studio.rule_evidence import rules as evidence_rules
from placet.studio.rule_evidence import service as evidence
from placet.studio.rule_evidence import store as evidence_store
from placet.studio.rule_evidence.service import Observed
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store


class _Counted(Value, frozen=True):
    """For how many rules there is evidence, and how many sources were counted for it."""

    rules: int
    sources: int


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
    said += await drift.reopen_items(tx, approval)
    decided = await observed.count_decisions(tx, window, ready.approved)
    seen, counted = await _sightings(tx, ready, window, decided)
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
        call_count=await observed.count_calls(tx, window),
        tool_count=ready.tool_count,
        source_count=counted.sources,
        rule_count=counted.rules,
        opened_count=len(opened),
        live_count=await _live_count(tx, approval),
        checked_by=tx.actor_id,
        checked_at=await tx.now(),
    )
    await store.insert_receipt(tx, receipt)
    await workspaces.tell(
        tx, approval.workspace_id, [*said, *opened, rules.checked_of(receipt)], ids
    )
    return receipt


async def _live_count(tx: Writing, approval: GovernanceApproval) -> int:
    found = await items.list_live(tx, approval.workspace_id)
    return sum(item.approval_id == approval.approval_id for item in found)


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
) -> tuple[list[Sighting], _Counted]:
    """Return what is drift, and how much it was looked for in."""
    approval = ready.approval
    governed = evidence_rules.governed_rules(
        ready.artifact.review_projection_json, ready.artifact.runtime_projection_json
    )
    before = await evidence_store.list_entries(tx, approval.approval_id)
    succeeded = await observed.count_successes(tx, window)
    found = Observed(decided=decided, succeeded=succeeded, judged=ready.judged)
    entries, source_count = await evidence.add_evidence(tx, approval, governed, found)
    live = {
        item.fingerprint: item
        for item in await items.list_live(tx, approval.workspace_id)
        if item.approval_id == approval.approval_id
    }
    at = look.Look(
        workspace_id=approval.workspace_id,
        approval_id=approval.approval_id,
        approved_at=approval.approved_at,
        unmatched=ready.unmatched,
        rules=governed,
        tools=ready.approved,
        live=live,
        until=window.until,
    )
    misplaced = await observed.count_misplaced(tx, window)
    lasting = [
        *tool_drift.find_new_tools(at, ready.new),
        *tool_drift.find_changed_tools(at, ready.changed),
        *rules.find_unused(at, entries),
    ]
    counted = [
        *rules.find_refused(at, decided),
        *rules.find_misplaced(at, misplaced),
        *rules.find_contradicted(at, before, entries),
    ]
    return [*look.only_newer(at, lasting), *counted], _Counted(
        rules=len(entries), sources=source_count
    )
