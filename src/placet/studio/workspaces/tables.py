"""How workspaces are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.workspaces.model import GovernanceWorkspace, WorkspaceApprover

WORKSPACE = table(
    "studio_workspace",
    GovernanceWorkspace,
    sa.UniqueConstraint("tenant_id", "agent", "environment"),
    key=("workspace_id",),
    updates=(
        "status",
        "runtime_authority_kind",
        "active_draft_id",
        "active_draft_snapshot_id",
        "active_approval_id",
    ),
)
APPROVER = table(
    "studio_workspace_approver",
    WorkspaceApprover,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["actor_id"], "tenancy_actor(actor_id)"),
    key=("workspace_id", "actor_id"),
)
