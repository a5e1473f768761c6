"""Erasure and retention.

What tells of a session is still never changed, but that an erasure may take a body away and blank
the copies of what it said: the triggers of those tables look whether one was written down.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards
from placet.storage.functions import statements

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

TABLES = [
    "audit_erasure",
    "audit_export",
    "audit_retention",
    "audit_export_stream",
    "audit_subject_request",
    "audit_subject_stream",
]
TENANT = TABLES
APPEND_ONLY = ["audit_erasure", "audit_export", "audit_export_stream"]
UPDATES: dict[str, list[str]] = {
    "audit_retention": ["days", "set_by", "set_at"],
    "audit_subject_request": [
        "subject",
        "principal",
        "salt",
        "status",
        "kept",
        "looked_at",
        "finished_at",
    ],
    "audit_subject_stream": ["status", "bodies", "noted_at"],
}
DELETES: list[str] = []
SOURCES = [
    ("placet.events", "event_erase_v1"),
    ("placet.replay", "session_forget_v1"),
    ("placet.studio", "workspace_forget_v1"),
]
FUNCTIONS = [
    "event_erase_v1",
    "event_erasable_v1",
    "event_type_goes_v1",
    "artifacts_forget_v1",
    "artifact_change_v1",
    "body_change_v1",
    "after_erasure_v1",
    "session_forget_v1",
    "calls_forget_v1",
    "copy_change_v1",
    "kept_change_v1",
    "impact_change_v1",
    "snapshot_kept_v1",
    "workspace_forget_v1",
]
ERASED = {
    "event_body": "body_change_v1()",
    "event_artifact": "artifact_change_v1()",
    "event_artifact_link": "body_change_v1()",
    "studio_impact": "impact_change_v1()",
    "replay_ask_edit": "copy_change_v1('reason')",
    "replay_claim": "copy_change_v1('answer')",
    "replay_execution_receipt": "copy_change_v1('output', 'output_hash', 'external_ref', 'error',"
    " 'fingerprint', 'idempotency_key')",
    "replay_kept": "kept_change_v1()",
    "replay_settlement": "copy_change_v1('reason')",
}
"""Tables whose rows never change but by an erasure, and what looks whether it is one."""

COPIES = ["event_artifact_link", "event_fold_checkpoint"]
"""Tables that take nothing more of what was erased."""


def upgrade() -> None:
    """Create the tables and functions, and let the triggers look whether something is erased."""
    op.create_table(
        "audit_erasure",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("why IN ('retention', 'subject')", name=op.f("audit_erasure_why_known")),
        sa.CheckConstraint(
            "from_seq >= 1 AND to_seq >= from_seq", name=op.f("audit_erasure_range_counts")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "stream_id", "from_seq", "erasure_id", name=op.f("audit_erasure_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "audit_export",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("log_root", sa.LargeBinary(), nullable=True),
        sa.Column("exported_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("audit_export_sha256_size")),
        sa.PrimaryKeyConstraint("tenant_id", "export_id", name=op.f("audit_export_pkey")),
        schema="placet",
    )
    op.create_table(
        "audit_retention",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_class", sa.Text(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=True),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "stream_class IN ('session', 'workspace')",
            name=op.f("audit_retention_stream_class_known"),
        ),
        sa.CheckConstraint("days >= 0", name=op.f("audit_retention_days_count")),
        sa.PrimaryKeyConstraint("tenant_id", "stream_class", name=op.f("audit_retention_pkey")),
        schema="placet",
    )
    op.create_table(
        "audit_export_stream",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "export_id"],
            ["placet.audit_export.tenant_id", "placet.audit_export.export_id"],
            name=op.f("audit_export_stream_tenant_id_export_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "stream_id", "to_seq", "export_id", name=op.f("audit_export_stream_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "audit_subject_request",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("kept", postgresql.JSONB(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'done') = (finished_at IS NOT NULL)"
            " AND (status <> 'done' OR (subject = '' AND principal IS NULL"
            " AND octet_length(salt) = 0))",
            name=op.f("audit_subject_request_done_keeps_no_subject"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'waiting', 'done')", name=op.f("audit_subject_request_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "asked_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("audit_subject_request_tenant_id_asked_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "request_id", name=op.f("audit_subject_request_pkey")),
        schema="placet",
    )
    op.create_table(
        "audit_subject_stream",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("stream_class", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("bodies", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "stream_class IN ('session', 'workspace')",
            name=op.f("audit_subject_stream_stream_class_known"),
        ),
        sa.CheckConstraint(
            "status IN ('found', 'due', 'erased')", name=op.f("audit_subject_stream_status_known")
        ),
        sa.CheckConstraint("bodies >= 0", name=op.f("audit_subject_stream_bodies_count")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "request_id"],
            ["placet.audit_subject_request.tenant_id", "placet.audit_subject_request.request_id"],
            name=op.f("audit_subject_stream_tenant_id_request_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "request_id", "stream_id", name=op.f("audit_subject_stream_pkey")
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    # Only the erasing function says what was erased: its triggers go by these rows.
    op.execute("REVOKE INSERT ON placet.audit_erasure FROM placet_app")
    op.create_index(
        "replay_session_seal_at_ix",
        "replay_session_seal",
        ["tenant_id", "sealed_at", "session_id"],
        unique=False,
        schema="placet",
    )
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    for table, function in ERASED.items():
        _watch(table, function)
    op.execute(
        "CREATE TRIGGER snapshot_kept BEFORE INSERT ON placet.replay_session_snapshot"
        " FOR EACH ROW EXECUTE FUNCTION placet.snapshot_kept_v1()"
    )
    for table in COPIES:
        op.execute(
            f"CREATE TRIGGER after_erasure BEFORE INSERT ON placet.{table}"
            " FOR EACH ROW EXECUTE FUNCTION placet.after_erasure_v1()"
        )


def downgrade() -> None:
    """Drop what this revision made, and let nothing change those rows again."""
    for table in COPIES:
        op.execute(f"DROP TRIGGER after_erasure ON placet.{table}")
    op.execute("DROP TRIGGER snapshot_kept ON placet.replay_session_snapshot")
    for table in ERASED:
        _watch(table, "refuse_change()")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    op.drop_index("replay_session_seal_at_ix", "replay_session_seal", schema="placet")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")


def _watch(table: str, function: str) -> None:
    op.execute(f"DROP TRIGGER append_only ON placet.{table}")
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON placet.{table}"
        f" FOR EACH ROW EXECUTE FUNCTION placet.{function}"
    )
    op.execute(f"ALTER TABLE placet.{table} ENABLE ALWAYS TRIGGER append_only")
