"""What auditors search: rows derived from the log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards
from placet.storage.functions import statements

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

TABLES = ["audit_event", "audit_progress", "audit_term"]
TENANT = TABLES
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {
    "audit_event": [
        "agent_named",
        "call_id",
        "tool",
        "verdict",
        "rules",
        "arguments_hash",
        "effect_key",
    ],
    "audit_progress": ["form", "indexed_through"],
}
DELETES: list[str] = ["audit_event", "audit_term"]
SOURCES = [("placet.audit", "audit_due_v1")]
FUNCTIONS = ["audit_due_v1"]


def upgrade() -> None:
    """Create the tables, and let every log that grows be followed."""
    op.create_table(
        "audit_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("agent_named", sa.Text(), nullable=True),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("tool", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        sa.Column("arguments_hash", sa.Text(), nullable=True),
        sa.Column("effect_key", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('allow', 'deny', 'ask')", name=op.f("audit_event_verdict_known")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "index", name=op.f("audit_event_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "stream_id", "seq", name=op.f("audit_event_tenant_id_stream_id_seq_key")
        ),
        schema="placet",
    )
    op.create_index(
        op.f("audit_event_tenant_id_at_index_ix"),
        "audit_event",
        ["tenant_id", "at", "index"],
        unique=False,
        schema="placet",
    )
    op.create_table(
        "audit_progress",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("form", sa.BigInteger(), nullable=False),
        sa.Column("indexed_through", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("audit_progress_pkey")),
        schema="placet",
    )
    op.create_table(
        "audit_term",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "field IN ('actor', 'agent', 'tool', 'verdict', 'rule', 'fingerprint', 'type')",
            name=op.f("audit_term_field_known"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "field", "value", "at", "index", name=op.f("audit_term_pkey")
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    # The owner reads every tenant's row for this one statement.
    op.execute("ALTER TABLE placet.evidence_log NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO placet.work_due (tenant_id, kind, ref, due_at)"
        " SELECT tenant_id, 'index_audit', tenant_id, now() FROM placet.evidence_log"
    )
    op.execute("ALTER TABLE placet.evidence_log FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE TRIGGER audit_due AFTER UPDATE OF size ON placet.evidence_log FOR EACH ROW"
        " WHEN (NEW.size > OLD.size) EXECUTE FUNCTION placet.audit_due_v1()"
    )


def downgrade() -> None:
    """Drop everything of this revision."""
    op.execute("DROP TRIGGER audit_due ON placet.evidence_log")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    op.execute("DELETE FROM placet.work_due WHERE kind = 'index_audit'")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
