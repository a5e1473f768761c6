"""Drift: where runtime and approval part."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ["studio_drift_item"]
TENANT = ["studio_drift_item"]
APPEND_ONLY: list[str] = []
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
    ]
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

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)


def downgrade() -> None:
    """Drop every table of this revision."""
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
