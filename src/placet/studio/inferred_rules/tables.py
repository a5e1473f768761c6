"""How proposals are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.inferred_rules.model import InferredRule

INFERRED_RULE = table(
    "studio_inferred_rule",
    InferredRule,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    sa.UniqueConstraint(
        "tenant_id",
        "workspace_id",
        "source_snapshot_hash",
        "rule_hash",
        name="studio_inferred_rule_once_key",
    ),
    sa.Index(
        "studio_inferred_rule_list_ix",
        "tenant_id",
        "workspace_id",
        "source_snapshot_hash",
        "inferred_rule_id",
    ),
    sa.CheckConstraint("sample_size >= 0", name="sample_size_counts"),
    key=("inferred_rule_id",),
)
