"""The sources: material that rules stem from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ["studio_source"]
TENANT = ["studio_source"]
APPEND_ONLY = ["studio_source"]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    op.create_table(
        "studio_source",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("line_count", sa.BigInteger(), nullable=False),
        sa.Column("provenance", postgresql.JSONB(), nullable=False),
        sa.Column("security_status", sa.Text(), nullable=False),
        sa.Column("quarantine_reason", sa.Text(), nullable=True),
        sa.Column("ingestion_status", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failure_line", sa.BigInteger(), nullable=True),
        sa.Column("findings", postgresql.JSONB(), nullable=False),
        sa.Column("finding_count", sa.BigInteger(), nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(ingestion_status = 'failed') = (failure IS NOT NULL)",
            name=op.f("studio_source_failed_has_reason"),
        ),
        sa.CheckConstraint(
            "(security_status = 'quarantined') = (content_hash IS NULL) AND (security_status = 'quarantined') = (quarantine_reason IS NOT NULL) AND (security_status = 'quarantined') = (ingestion_status = 'received') AND (security_status <> 'quarantined' OR octet_length(content) = 0)",
            name=op.f("studio_source_quarantined_keeps_nothing"),
        ),
        sa.CheckConstraint(
            "ingestion_status IN ('received', 'parsed', 'indexed', 'failed')",
            name=op.f("studio_source_ingestion_status_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('observed_runs', 'prompt_snapshot', 'tool_schemas', 'uploaded_doc', 'pasted_rules', 'manual_note', 'customer_correction')",
            name=op.f("studio_source_kind_known"),
        ),
        sa.CheckConstraint(
            "media_type IN ('json', 'yaml', 'markdown', 'text', 'jsonl')",
            name=op.f("studio_source_media_type_known"),
        ),
        sa.CheckConstraint(
            "quarantine_reason IN ('not_utf8', 'nul', 'binary', 'private_key', 'too_many_secrets', 'too_much_personal_data', 'not_redactable')",
            name=op.f("studio_source_quarantine_reason_known"),
        ),
        sa.CheckConstraint(
            "security_status <> 'pending' AND ingestion_status <> 'parsed'",
            name=op.f("studio_source_statuses_are_final"),
        ),
        sa.CheckConstraint(
            "security_status IN ('pending', 'clean', 'redacted', 'quarantined')",
            name=op.f("studio_source_security_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            ["placet.studio_workspace.tenant_id", "placet.studio_workspace.workspace_id"],
            name=op.f("studio_source_tenant_id_workspace_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "source_id", name=op.f("studio_source_pkey")),
        schema="placet",
    )
    op.create_index(
        "studio_source_list_ix",
        "studio_source",
        ["tenant_id", "workspace_id", "source_id"],
        unique=False,
        schema="placet",
    )
    op.create_index(
        "studio_source_one_content_ix",
        "studio_source",
        ["tenant_id", "workspace_id", "kind", "media_type", "content_hash"],
        unique=True,
        schema="placet",
        postgresql_where=sa.text("content_hash IS NOT NULL"),
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)


def downgrade() -> None:
    """Drop every table of this revision."""
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
