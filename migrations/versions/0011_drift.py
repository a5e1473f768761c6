"""Drift: where runtime and approval part, and the evidence for each rule."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = [
    "studio_drift_item",
    "studio_drift_receipt",
    "studio_rule_evidence",
    "studio_rule_evidence_source",
]
TENANT = [
    "studio_drift_item",
    "studio_drift_receipt",
    "studio_rule_evidence",
    "studio_rule_evidence_source",
]
APPEND_ONLY = ["studio_drift_receipt", "studio_rule_evidence_source"]
UPDATES: dict[str, list[str]] = {
    "studio_drift_item": [
        "severity",
        "status",
        "summary",
        "seen_count",
        "last_seen_at",
        "decided_by",
        "decided_at",
        "reason",
        "waived_until",
        "draft_id",
    ],
    "studio_rule_evidence": ["support_count", "contradiction_count", "last_observed_at"],
}
DELETES: list[str] = []


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    op.create_table(
        "studio_drift_item",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target_ref", sa.Text(), nullable=False),
        sa.Column("subject", postgresql.JSONB(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("seen_count", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("waived_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("draft_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(status = 'accepted') = (draft_id IS NOT NULL)",
            name=op.f("studio_drift_item_accepted_has_draft"),
        ),
        sa.CheckConstraint(
            "(status = 'waived') = (waived_until IS NOT NULL)",
            name=op.f("studio_drift_item_waiver_has_end"),
        ),
        sa.CheckConstraint(
            "kind IN ('tool_new', 'tool_changed', 'demand_denied', 'rule_unused', 'rule_contradicted', 'outside_phases', 'break_glass')",
            name=op.f("studio_drift_item_kind_known"),
        ),
        sa.CheckConstraint(
            "severity IN ('info', 'minor', 'major', 'critical')",
            name=op.f("studio_drift_item_severity_known"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'acknowledged', 'resolved', 'accepted', 'waived', 'superseded')",
            name=op.f("studio_drift_item_status_known"),
        ),
        sa.CheckConstraint("seen_count >= 1", name=op.f("studio_drift_item_seen_once")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["placet.studio_approval.tenant_id", "placet.studio_approval.approval_id"],
            name=op.f("studio_drift_item_tenant_id_approval_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "draft_id"],
            ["placet.studio_draft.tenant_id", "placet.studio_draft.draft_id"],
            name=op.f("studio_drift_item_tenant_id_draft_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            ["placet.studio_workspace.tenant_id", "placet.studio_workspace.workspace_id"],
            name=op.f("studio_drift_item_tenant_id_workspace_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "item_id", name=op.f("studio_drift_item_pkey")),
        schema="placet",
    )
    op.create_index(
        "studio_drift_item_list_ix",
        "studio_drift_item",
        ["tenant_id", "workspace_id", "item_id"],
        unique=False,
        schema="placet",
    )
    op.create_index(
        "studio_drift_item_one_live_ix",
        "studio_drift_item",
        ["tenant_id", "approval_id", "fingerprint"],
        unique=True,
        schema="placet",
        postgresql_where=sa.text("status IN ('open', 'acknowledged', 'accepted', 'waived')"),
    )
    op.create_table(
        "studio_drift_receipt",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("compiled_hash", sa.Text(), nullable=False),
        sa.Column("window_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("call_count", sa.BigInteger(), nullable=False),
        sa.Column("tool_count", sa.BigInteger(), nullable=False),
        sa.Column("source_count", sa.BigInteger(), nullable=False),
        sa.Column("rule_count", sa.BigInteger(), nullable=False),
        sa.Column("opened_count", sa.BigInteger(), nullable=False),
        sa.Column("live_count", sa.BigInteger(), nullable=False),
        sa.Column("checked_by", sa.Uuid(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "window_from < window_to", name=op.f("studio_drift_receipt_window_order")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["placet.studio_approval.tenant_id", "placet.studio_approval.approval_id"],
            name=op.f("studio_drift_receipt_tenant_id_approval_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            ["placet.studio_workspace.tenant_id", "placet.studio_workspace.workspace_id"],
            name=op.f("studio_drift_receipt_tenant_id_workspace_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "receipt_id", name=op.f("studio_drift_receipt_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "approval_id",
            "window_from",
            name=op.f("studio_drift_receipt_tenant_id_approval_id_window_from_key"),
        ),
        schema="placet",
    )
    op.create_index(
        "studio_drift_receipt_list_ix",
        "studio_drift_receipt",
        ["tenant_id", "workspace_id", "receipt_id"],
        unique=False,
        schema="placet",
    )
    op.create_table(
        "studio_rule_evidence",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=True),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("support_count", sa.BigInteger(), nullable=False),
        sa.Column("contradiction_count", sa.BigInteger(), nullable=False),
        sa.Column("last_observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "family IN ('principal', 'ruling', 'phase', 'requirement', 'argument', 'condition', 'effect', 'amount', 'limit', 'checkpoint')",
            name=op.f("studio_rule_evidence_family_known"),
        ),
        sa.CheckConstraint(
            "support_count >= 0 AND contradiction_count >= 0",
            name=op.f("studio_rule_evidence_counts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["placet.studio_approval.tenant_id", "placet.studio_approval.approval_id"],
            name=op.f("studio_rule_evidence_tenant_id_approval_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            ["placet.studio_workspace.tenant_id", "placet.studio_workspace.workspace_id"],
            name=op.f("studio_rule_evidence_tenant_id_workspace_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "approval_id", "rule", name=op.f("studio_rule_evidence_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "studio_rule_evidence_source",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["placet.studio_approval.tenant_id", "placet.studio_approval.approval_id"],
            name=op.f("studio_rule_evidence_source_tenant_id_approval_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "source_id"],
            ["placet.studio_source.tenant_id", "placet.studio_source.source_id"],
            name=op.f("studio_rule_evidence_source_tenant_id_source_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "approval_id", "source_id", name=op.f("studio_rule_evidence_source_pkey")
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)


def downgrade() -> None:
    """Drop every table of this revision."""
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
