"""How requests are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.requests.model import ApprovalRequest

REQUEST = table(
    "studio_approval_request",
    ApprovalRequest,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["snapshot_id"], "studio_snapshot(snapshot_id)"),
    sa.Index(
        "studio_approval_request_one_open_ix",
        "tenant_id",
        "workspace_id",
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    ),
    sa.Index("studio_approval_request_list_ix", "tenant_id", "workspace_id", "request_id"),
    key=("request_id",),
    updates=("status",),
)
