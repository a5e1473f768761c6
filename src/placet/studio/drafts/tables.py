"""How drafts and commands are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.drafts.model import BusinessCommand, BusinessDraft

DRAFT = table(
    "studio_draft",
    BusinessDraft,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["parent_draft_id"], "studio_draft(draft_id)"),
    sa.Index(
        "studio_draft_one_open_ix",
        "tenant_id",
        "workspace_id",
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    ),
    sa.Index("studio_draft_list_ix", "tenant_id", "workspace_id", "draft_id"),
    sa.CheckConstraint(
        "(status = 'approved') = (approval_id IS NOT NULL)", name="approved_by_approval"
    ),
    sa.CheckConstraint("current_version >= 0", name="current_version_counts"),
    key=("draft_id",),
    updates=(
        "status",
        "current_version",
        "active_snapshot_id",
        "derived_from_approval_id",
        "approval_id",
        "contract_json",
        "command_head",
    ),
)
COMMAND = table(
    "studio_command",
    BusinessCommand,
    tenant_foreign_key(["draft_id"], "studio_draft(draft_id)"),
    sa.UniqueConstraint("tenant_id", "command_id"),
    sa.CheckConstraint("version = expected_draft_version + 1", name="version_follows"),
    sa.CheckConstraint("octet_length(chain_hash) = 32", name="chain_hash_size"),
    key=("draft_id", "version"),
)
