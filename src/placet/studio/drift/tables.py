"""How drift items are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.drift.model import DriftItem

LIVE = "status IN ('open', 'acknowledged', 'accepted', 'waived')"

DRIFT_ITEM = table(
    "studio_drift_item",
    DriftItem,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["approval_id"], "studio_approval(approval_id)"),
    tenant_foreign_key(["draft_id"], "studio_draft(draft_id)"),
    sa.Index(
        "studio_drift_item_one_live_ix",
        "tenant_id",
        "approval_id",
        "fingerprint",
        unique=True,
        postgresql_where=sa.text(LIVE),
    ),
    sa.Index("studio_drift_item_list_ix", "tenant_id", "workspace_id", "item_id"),
    sa.Index(
        "studio_drift_item_live_ix",
        "tenant_id",
        "workspace_id",
        "item_id",
        postgresql_where=sa.text(LIVE),
    ),
    sa.CheckConstraint("seen_count >= 1", name="seen_once"),
    sa.CheckConstraint("(status = 'waived') = (waived_until IS NOT NULL)", name="waiver_has_end"),
    sa.CheckConstraint("(status = 'accepted') = (draft_id IS NOT NULL)", name="accepted_has_draft"),
    key=("item_id",),
    updates=(
        "severity",
        "status",
        "summary",
        "seen_count",
        "last_seen_at",
        "decided_by",
        "decided_at",
        "reason",
        "waived_until",
        "draft_id",
    ),
)
