"""How snapshots are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.snapshots.model import BusinessDraftSnapshot

SNAPSHOT = table(
    "studio_snapshot",
    BusinessDraftSnapshot,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["draft_id"], "studio_draft(draft_id)"),
    sa.UniqueConstraint("tenant_id", "draft_id", "version", "compiler_version"),
    sa.Index("studio_snapshot_list_ix", "tenant_id", "workspace_id", "snapshot_id"),
    key=("snapshot_id",),
)
