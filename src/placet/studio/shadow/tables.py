"""How shadows, their cursors and counts are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.shadow.model import Shadow, ShadowCursor, ShadowTally

SHADOW = table(
    "studio_shadow",
    Shadow,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["snapshot_id"], "studio_snapshot(snapshot_id)"),
    tenant_foreign_key(["approval_id"], "studio_approval(approval_id)"),
    tenant_foreign_key(["artifact_id"], "authority_artifact(artifact_id)"),
    sa.Index(
        "studio_shadow_one_running_ix",
        "tenant_id",
        "workspace_id",
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    ),
    sa.Index("studio_shadow_snapshot_ix", "tenant_id", "snapshot_id", "shadow_id"),
    sa.CheckConstraint(
        "(status = 'ended') = (ended_at IS NOT NULL)"
        " AND (status = 'ended') = (ended_why IS NOT NULL)",
        name="end_told",
    ),
    key=("shadow_id",),
    updates=("status", "ended_why", "ended_at", "left_out"),
)
CURSOR = table(
    "studio_shadow_cursor",
    ShadowCursor,
    tenant_foreign_key(["shadow_id"], "studio_shadow(shadow_id)"),
    tenant_foreign_key(["session_id"], "replay_session(session_id)"),
    key=("shadow_id", "session_id"),
    updates=("seq",),
)
TALLY = table(
    "studio_shadow_tally",
    ShadowTally,
    tenant_foreign_key(["shadow_id"], "studio_shadow(shadow_id)"),
    key=("shadow_id", "tool", "before", "after", "unjudged"),
    updates=("calls",),
)
