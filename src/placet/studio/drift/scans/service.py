"""Scanning a workspace for drift."""

import logging
from typing import Final

from placet.kernel.ids import Ids
from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.replay.observed import store as observed
from placet.replay.observed.model import CallWindow, DecidedCalls, ToolCalls
from placet.storage.database import Writing
from placet.storage.faults import StateMovedOn, took_too_long
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.drift import service as drift
from placet.studio.drift import store as items
from placet.studio.drift.model import DriftItemId, Sighting
from placet.studio.drift.scans import look, rules, store, tool_drift
from placet.studio.drift.scans.material import Compared, Prepared
from placet.studio.drift.scans.model import (
    ApprovalRuntimeReceipt,
)
from placet.studio.rule_evidence import rules as evidence_rules
from placet.studio.rule_evidence import service as evidence
from placet.studio.rule_evidence import store as evidence_store
from placet.studio.rule_evidence.service import Observed
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store

_LOG: Final = logging.getLogger("placet.drift")


class _Calls(Value, frozen=True):
    """What the calls of a window came to."""

    window: CallWindow
    decided: list[DecidedCalls]
    succeeded: list[ToolCalls]
    misplaced: list[ToolCalls]
    total: int


class _Counted(Value, frozen=True):
    """For how many rules there is evidence and from how many sources, and what is settled."""

    rules: int
    sources: int
    settled: list[DriftItemId]


async def scan_workspace(tx: Writing, ready: Prepared, ids: Ids) -> ApprovalRuntimeReceipt:
    """Compare what happened since the last scan with the approval, and say how much was looked at.

    Where there are more calls than can be counted in time, it looks at the first half of the time
    only, or at a half of that: the receipt says which, and the next scan goes on there. Refuses
    `state_moved_on` where another approval is in force by now.
    """
    approval = ready.approval
    await store.hold_scans(tx, approval.approval_id)
    workspace = await workspace_store.get_workspace(tx, approval.workspace_id)
    if workspace.active_approval_id != approval.approval_id:
        raise StateMovedOn(detail="another approval came into force while the scan prepared")
    calls = await _calls(tx, await _window(tx, approval), ready)
    window = calls.window
    said = await drift.supersede_items(tx, approval)
    said += await drift.reopen_items(tx, approval)
    seen, counted = await _sightings(tx, ready, calls)
    said += await drift.close_items(tx, approval, counted.settled)
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
        call_count=calls.total,
        tool_count=ready.tools.tool_count if ready.tools else 0,
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
    """Return the time to look at: from the end of the last scan, a day or as far as may be."""
    last = await store.find_last(tx, approval.approval_id)
    after = last.window_to if last else approval.approved_at
    until = min(await observed.settled_until(tx), after + rules.reach_after(last))
    if until <= after:
        raise StateMovedOn(detail="the workspace was scanned at this very moment")
    return CallWindow(artifact_id=approval.artifact_id, after=after, until=until)


async def _calls(tx: Writing, window: CallWindow, ready: Prepared) -> _Calls:
    """Count the calls of a window, or of the first part of it that can be counted in time."""
    try:
        async with tx.attempt():
            return _Calls(
                window=window,
                decided=await observed.count_decisions(tx, window, ready.approved),
                succeeded=await observed.count_successes(tx, window),
                misplaced=await observed.count_misplaced(tx, window),
                total=await observed.count_calls(tx, window),
            )
    except GovernanceUnavailable as refusal:
        less = rules.halved(window) if took_too_long(refusal) else None
        if less is None:
            raise
    _LOG.warning("the calls of an approval take too long to count; counting those of half the time")
    return await _calls(tx, less, ready)


async def _sightings(
    tx: Writing, ready: Prepared, calls: _Calls
) -> tuple[list[Sighting], _Counted]:
    """Return what is drift, and how much it was looked for in."""
    approval = ready.approval
    governed = evidence_rules.governed_rules(
        ready.artifact.review_projection_json, ready.artifact.runtime_projection_json
    )
    before = await evidence_store.list_entries(tx, approval.approval_id)
    found = Observed(decided=calls.decided, succeeded=calls.succeeded, judged=ready.judged)
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
        until=calls.window.until,
    )
    lasting = [
        *_tools(at, ready.tools),
        *rules.find_unused(at, entries),
    ]
    counted = [
        *rules.find_refused(at, calls.decided),
        *rules.find_misplaced(at, calls.misplaced),
        *rules.find_contradicted(at, before, entries),
    ]
    return [*look.only_newer(at, lasting), *counted], _Counted(
        rules=len(entries),
        sources=source_count,
        settled=tool_drift.settled_items(at, ready.tools.not_compared) if ready.tools else [],
    )


def _tools(at: look.Look, compared: Compared | None) -> list[Sighting]:
    if compared is None:
        return [tool_drift.unread_lists(at)]
    return [
        *tool_drift.find_new_tools(at, compared.new),
        *tool_drift.find_changed_tools(at, compared.changed, compared.not_compared),
    ]
