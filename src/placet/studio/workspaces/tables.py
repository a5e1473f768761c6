"""How workspaces are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.workspaces.model import (
    ApproverRemoval,
    GovernanceWorkspace,
    GroupMember,
    WorkspaceApprover,
    WorkspaceKey,
)

WORKSPACE = table(
    "studio_workspace",
    GovernanceWorkspace,
    sa.Index(
        "studio_workspace_one_active_ix",
        "tenant_id",
        "agent",
        "environment",
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    ),
    key=("workspace_id",),
    updates=(
        "status",
        "runtime_authority_kind",
        "active_draft_id",
        "active_draft_snapshot_id",
        "active_approval_id",
        "approval_policy",
    ),
)
APPROVER = table(
    "studio_workspace_approver",
    WorkspaceApprover,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["actor_id"], "tenancy_actor(actor_id)"),
    key=("workspace_id", "actor_id"),
)
KEY = table(
    "studio_workspace_key",
    WorkspaceKey,
    tenant_foreign_key(
        ["workspace_id", "actor_id"], "studio_workspace_approver(workspace_id, actor_id)"
    ),
    tenant_foreign_key(["key_id"], "authority_person_key(key_id)"),
    key=("workspace_id", "key_id"),
)
MEMBER = table(
    "studio_workspace_member",
    GroupMember,
    tenant_foreign_key(["workspace_id", "key_id"], "studio_workspace_key(workspace_id, key_id)"),
    key=("workspace_id", "group_name", "key_id"),
)
REMOVAL = table(
    "studio_workspace_removal",
    ApproverRemoval,
    tenant_foreign_key(
        ["workspace_id", "actor_id"], "studio_workspace_approver(workspace_id, actor_id)"
    ),
    tenant_foreign_key(["removed_by"], "tenancy_actor(actor_id)"),
    sa.Index(None, "tenant_id", "workspace_id", "actor_id"),
    key=("removal_id",),
)
