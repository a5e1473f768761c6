"""How receipts are kept: only added to."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.drift.scans.model import ApprovalRuntimeReceipt

RECEIPT = table(
    "studio_drift_receipt",
    ApprovalRuntimeReceipt,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["approval_id"], "studio_approval(approval_id)"),
    sa.UniqueConstraint("tenant_id", "approval_id", "window_from"),
    sa.Index("studio_drift_receipt_list_ix", "tenant_id", "workspace_id", "receipt_id"),
    sa.CheckConstraint("window_from < window_to", name="window_order"),
    key=("receipt_id",),
)
