"""How evidence is kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.rule_evidence.model import EvidenceEntry, EvidenceSource

EVIDENCE = table(
    "studio_rule_evidence",
    EvidenceEntry,
    tenant_foreign_key(["approval_id"], "studio_approval(approval_id)"),
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    sa.CheckConstraint("support_count >= 0 AND contradiction_count >= 0", name="counts"),
    key=("approval_id", "rule"),
    updates=("support_count", "contradiction_count", "last_observed_at"),
)
COUNTED_SOURCE = table(
    "studio_rule_evidence_source",
    EvidenceSource,
    tenant_foreign_key(["approval_id"], "studio_approval(approval_id)"),
    tenant_foreign_key(["source_id"], "studio_source(source_id)"),
    key=("approval_id", "source_id"),
)
