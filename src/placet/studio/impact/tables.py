"""How impact previews are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.impact.model import ImpactPreview

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
