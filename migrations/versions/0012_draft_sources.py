"""What a draft stands on: its sources, the answers to judgments, and inferred rules."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "studio_inferred_rule"
CHECK = "studio_command_command_type_known"
BEFORE = [
    "set_session",
    "set_tool_contract",
    "remove_tool_contract",
    "import_contract",
    "comment",
    "resolve_comment",
    "reopen_comment",
    "set_phase",
    "remove_phase",
    "set_transition",
    "remove_transition",
    "set_limits",
    "remove_limit",
    "set_binding",
    "remove_binding",
    "set_aggregate",
    "remove_aggregate",
    "set_envelope",
    "remove_envelope",
    "set_principal_rule",
    "remove_principal_rule",
    "set_label_rule",
    "remove_label_rule",
    "set_risk_default",
    "remove_risk_default",
    "set_gate",
    "set_unmatched_tools",
    "import_artifact",
    "restore_version",
    "restore_snapshot",
    "rebase",
]
LISTS = {
    "studio_draft": "draft_id",
    "studio_snapshot": "snapshot_id",
}
AFTER = [
    *BEFORE,
    "add_source",
    "retire_source",
    "resolve_judgment",
    "reopen_judgment",
    "accept_inferred_rule",
    "reject_inferred_rule",
]


def upgrade() -> None:
    """Let commands be of more types, snapshots hold sources and judgments, and keep proposals."""
    _allow(AFTER)
    for column in ("sources", "judgments"):
        op.execute(
            f"ALTER TABLE placet.studio_snapshot ADD COLUMN {column} jsonb NOT NULL DEFAULT '[]'"
        )
        op.execute(f"ALTER TABLE placet.studio_snapshot ALTER COLUMN {column} DROP DEFAULT")
    for table, key in LISTS.items():
        op.create_index(
            f"{table}_list_ix", table, ["tenant_id", "workspace_id", key], schema="placet"
        )
    _create_inferred_rules()


def downgrade() -> None:
    """Allow the earlier types only. Refused by the database where there are commands of others."""
    op.drop_table(TABLE, schema="placet")
    for table in LISTS:
        op.drop_index(f"{table}_list_ix", table, schema="placet")
    for column in ("sources", "judgments"):
        op.execute(f"ALTER TABLE placet.studio_snapshot DROP COLUMN {column}")
    _allow(BEFORE)


def _allow(types: list[str]) -> None:
    known = ", ".join(f"'{name}'" for name in types)
    op.execute(f"ALTER TABLE placet.studio_command DROP CONSTRAINT {CHECK}")
    op.execute(
        f"ALTER TABLE placet.studio_command ADD CONSTRAINT {CHECK}"
        f" CHECK (command_type IN ({known}))"
    )


def _create_inferred_rules() -> None:
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("inferred_rule_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("source_snapshot_hash", sa.Text(), nullable=False),
        sa.Column("rule_hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("proposal_json", sa.LargeBinary(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("sample_size", sa.BigInteger(), nullable=False),
        sa.Column("spans", postgresql.JSONB(), nullable=False),
        sa.Column("inferred_by", sa.Uuid(), nullable=False),
        sa.Column("inferred_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "basis IN ('declared', 'observed')", name=op.f("studio_inferred_rule_basis_known")
        ),
        sa.CheckConstraint(
            "kind IN ('tool', 'input_schema', 'argument')",
            name=op.f("studio_inferred_rule_kind_known"),
        ),
        sa.CheckConstraint(
            "sample_size >= 0", name=op.f("studio_inferred_rule_sample_size_counts")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            ["placet.studio_workspace.tenant_id", "placet.studio_workspace.workspace_id"],
            name=op.f("studio_inferred_rule_tenant_id_workspace_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "inferred_rule_id", name=op.f("studio_inferred_rule_pkey")
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "workspace_id",
            "source_snapshot_hash",
            "rule_hash",
            name="studio_inferred_rule_once_key",
        ),
        schema="placet",
    )
    op.create_index(
        "studio_inferred_rule_list_ix",
        TABLE,
        ["tenant_id", "workspace_id", "source_snapshot_hash", "inferred_rule_id"],
        schema="placet",
    )
    guards.force_tenancy(op, [TABLE])
    guards.forbid_change(op, [TABLE])
    guards.grant_app(op, [TABLE], {}, [])
