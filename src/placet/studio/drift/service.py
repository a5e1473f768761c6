"""Opening drift items."""

from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.storage.database import Writing
from placet.studio.drift import rules, store
from placet.studio.drift.model import DriftItem, DriftItemId, DriftStatus, Sighting


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
