"""How impact previews are kept."""

import sqlalchemy as sa

from placet.storage.columns import SCHEMA, table, tenant_foreign_key
from placet.studio.impact.model import ImpactPreview, ImpactSession

IMPACT = table(
    "studio_impact",
    ImpactPreview,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["snapshot_id"], "studio_snapshot(snapshot_id)"),
    sa.Index(
        "studio_impact_candidate_ix", "tenant_id", "workspace_id", "candidate_hash", "computed_at"
    ),
    sa.Index("studio_impact_snapshot_ix", "tenant_id", "snapshot_id", "impact_id"),
    key=("impact_id",),
)
IMPACT_SESSION = table(
    "studio_impact_session",
    ImpactSession,
    sa.ForeignKeyConstraint(
        ["tenant_id", "impact_id"],
        [f"{SCHEMA}.studio_impact.tenant_id", f"{SCHEMA}.studio_impact.impact_id"],
        ondelete="CASCADE",
    ),
    sa.Index(None, "tenant_id", "impact_id"),
    key=("session_id", "impact_id"),
    deletes=True,
    app_inserts=False,
)
