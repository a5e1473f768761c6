"""How approvals are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.approvals.model import GovernanceApproval

APPROVAL = table(
    "studio_approval",
    GovernanceApproval,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["draft_snapshot_id"], "studio_snapshot(snapshot_id)"),
    tenant_foreign_key(["request_id"], "studio_approval_request(request_id)"),
    tenant_foreign_key(["artifact_id"], "authority_artifact(artifact_id)"),
    sa.UniqueConstraint("tenant_id", "request_id"),
    sa.UniqueConstraint("tenant_id", "draft_snapshot_id"),
    sa.UniqueConstraint("tenant_id", "workspace_id", "approval_version"),
    key=("approval_id",),
)
