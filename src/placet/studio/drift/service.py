"""Opening drift items, and deciding about them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from uuid import UUID

from placet.kernel.ids import Ids
from placet.kernel.principal import Scope
from placet.kernel.refusals import ScopeMissing
from placet.kernel.value import Value
from placet.storage.database import Reading, Writing
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import DraftStatus
from placet.studio.drift import rules, store
from placet.studio.drift.model import (
    DriftAnswer,
    DriftClosed,
    DriftDecision,
    DriftItem,
    DriftItemId,
    DriftStatus,
    DriftSuperseded,
    Sighting,
)
from placet.studio.workspaces import service as workspaces
from placet.tenancy import store as tenancy
from placet.tenancy.model import Role


async def open_drift(tx: Writing, seen: Sighting, ids: Ids) -> tuple[DriftItem | None, list[Value]]:
    """Open an item for what was seen, or count up the one that is there.

    Returns the item, or None where the same was resolved later than it was seen, and with it what
    the workspace's stream is to be told by the caller: nothing where it was only counted.
    """
    fingerprint = rules.fingerprint_of(seen.kind, seen.subject)
    reopened = await store.reopen_waived(tx, seen.approval_id, fingerprint)
    item = DriftItem(
        tenant_id=tx.tenant_id,
        item_id=DriftItemId(ids.new()),
        workspace_id=seen.workspace_id,
        approval_id=seen.approval_id,
        kind=seen.kind,
        target_ref=rules.target_of(seen.subject),
        subject=seen.subject,
        fingerprint=fingerprint,
        severity=seen.severity,
        status=DriftStatus.OPEN,
        summary=seen.summary,
        seen_count=seen.times,
        first_seen_at=seen.seen_at,
        last_seen_at=seen.seen_at,
    )
    kept = await store.insert_item(tx, item)
    is_new = kept is not None and kept.item_id == item.item_id
    said: list[Value] = [rules.opening_of(kept)] if kept and (is_new or reopened) else []
    return kept, said


async def reopen_items(tx: Writing, approval: GovernanceApproval) -> list[Value]:
    """Open what a waiver or an abandoned draft no longer covers; return what is to be told.

    What was accepted under another approval than the one in force is not opened again.
    """
    reopened = await store.reopen_lapsed(tx, approval.workspace_id)
    for item in await store.list_live(tx, approval.workspace_id):
        if item.draft_id is None or item.approval_id != approval.approval_id:
            continue
        draft = await drafts.get_draft(tx, item.draft_id)
        if draft.status is DraftStatus.ABANDONED:
            again = await store.reopen_accepted(tx, item)
            reopened += [again] if again else []
    return [rules.opening_of(item) for item in reopened]


async def supersede_items(tx: Writing, approval: GovernanceApproval) -> list[Value]:
    """Close what nobody closed under earlier approvals; return what is to be told."""
    found = await store.supersede(tx, approval.workspace_id, approval.approval_id)
    if not found:
        return []
    return [DriftSuperseded(by_approval_id=approval.approval_id, item_ids=found)]


async def close_items(
    tx: Writing, approval: GovernanceApproval, settled: Sequence[DriftItemId]
) -> list[Value]:
    """Close items of an approval that a later scan has settled; return what is to be told.

    That is nothing where somebody has closed or taken them up meanwhile.
    """
    if not settled:
        return []
    found = await store.supersede_these(tx, settled)
    if not found:
        return []
    return [DriftSuperseded(by_approval_id=approval.approval_id, item_ids=found)]


async def check_reach(tx: Reading, item_id: UUID, scopes: AbstractSet[Scope]) -> None:
    """Refuse `scope_missing` for whoever may decide as an approver of another workspace only.

    `scopes` are those of the caller by which such a decision may be made. Every other role but an
    approver's holds in the whole tenant. Refuses `drift_item_not_found`.
    """
    item = await store.get_item(tx, item_id)
    if scopes - {Scope.APPROVE}:
        return
    grants = await tenancy.list_grants(tx, tx.actor_id)
    if not any(
        grant.role is Role.APPROVER and grant.workspace_id in {None, item.workspace_id}
        for grant in grants
    ):
        raise ScopeMissing(
            detail="the role `approver` was not given for this workspace",
            scope=Scope.APPROVE,
        )


async def decide_item(tx: Writing, item_id: UUID, decision: DriftDecision, ids: Ids) -> DriftAnswer:
    """Acknowledge, resolve or waive an item, or note which draft takes it up.

    Refuses `drift_item_not_found`, `drift_closed` and `waiver_out_of_range`.
    """
    item = await store.get_item(tx, item_id)
    now = await tx.now()
    rules.check_decision(item, decision, now)
    decided = await store.advance_item(tx, item, decision)
    if decided is None:
        status = rules.as_it_counts(await store.get_item(tx, item_id), now).status
        raise DriftClosed(
            detail=f"somebody decided otherwise at the same moment: it is `{status}`",
            drift_status=status,
        )
    said: list[Value] = [rules.decided_of(item, decision, now)]
    await workspaces.tell(tx, item.workspace_id, said, ids)
    return rules.answer_of(decided, now)
