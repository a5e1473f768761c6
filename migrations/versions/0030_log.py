"""The transparency log."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

TABLES = [
    "authority_checkpoint",
    "event_seal_pending",
    "evidence_log",
    "evidence_log_entry",
    "evidence_log_tile",
]
TENANT = TABLES
APPEND_ONLY = ["authority_checkpoint", "evidence_log_entry"]
UPDATES: dict[str, list[str]] = {
    "evidence_log": ["size", "root", "cursor_stream", "owed"],
    "evidence_log_tile": ["hashes"],
}
DELETES: list[str] = ["event_seal_pending"]
SOURCES = [("placet.authority", "log_turns_v1")]
FUNCTIONS = ["checkpoints_newest_v1", "log_turns_v1", "log_waits_v1", "log_begin_v1"]
TOLD_BEFORE = [
    "ApprovalRequested",
    "VoteCast",
    "ApprovalGranted",
    "ApprovalRequestClosed",
    "ApprovalRevoked",
    "ApprovalExpired",
    "ApprovalExpiring",
    "DriftOpened",
    "SessionStopped",
    "ControlSet",
    "ControlLiftAsked",
    "ControlLifted",
    "AskOpened",
]
TOLD = [*TOLD_BEFORE, "CheckpointSigned"]
READ_WHOLE = ["tenancy_tenant", "replay_session_seal", "event_seal_pending"]


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    op.create_table(
        "authority_checkpoint",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "epoch", "size", name=op.f("authority_checkpoint_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "event_seal_pending",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_leaf", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('tenancy', 'authority', 'control', 'workspace', 'session', 'seals',"
            " 'erasures', 'run', 'checkpoints')",
            name=op.f("event_seal_pending_kind_known"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "stream_id", name=op.f("event_seal_pending_pkey")),
        schema="placet",
    )
    op.create_table(
        "evidence_log",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("cursor_stream", sa.Uuid(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("owed <= size", name=op.f("evidence_log_owed_is_there")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("evidence_log_pkey")),
        schema="placet",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "evidence_log_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("index >= 0", name=op.f("evidence_log_entry_index_counts")),
        sa.PrimaryKeyConstraint("tenant_id", "index", name=op.f("evidence_log_entry_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "stream_id",
            "seq",
            name=op.f("evidence_log_entry_tenant_id_stream_id_seq_key"),
        ),
        schema="placet",
    )
    op.create_table(
        "evidence_log_tile",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "level", "index", name=op.f("evidence_log_tile_pkey")),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    _take_over()
    op.execute(
        "CREATE TRIGGER log_begin AFTER INSERT ON placet.tenancy_tenant FOR EACH ROW"
        " EXECUTE FUNCTION placet.log_begin_v1()"
    )
    _tell(TOLD)


def _take_over() -> None:
    """Give every tenant its turn, and let the ends of streams that ended before wait to be told."""
    for name in READ_WHOLE:  # the owner reads every tenant's rows for these two statements
        op.execute(f"ALTER TABLE placet.{name} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO placet.work_due (tenant_id, kind, ref, due_at)"
        " SELECT tenant_id, 'log_events', tenant_id, now() FROM placet.tenancy_tenant"
    )
    op.execute(
        "INSERT INTO placet.event_seal_pending"
        " (tenant_id, stream_id, kind, last_seq, last_leaf, status)"
        " SELECT tenant_id, session_id, 'session', last_seq, head, status"
        " FROM placet.replay_session_seal"
    )
    for name in READ_WHOLE:
        op.execute(f"ALTER TABLE placet.{name} FORCE ROW LEVEL SECURITY")


def _tell(types: list[str]) -> None:
    """Have events of these types fill the outbox, and no others."""
    told = ", ".join(f"'{name}'" for name in types)
    op.execute("DROP TRIGGER outbox_put ON placet.event")
    op.execute(
        "CREATE TRIGGER outbox_put AFTER INSERT ON placet.event FOR EACH ROW"
        f" WHEN (NEW.type IN ({told})) EXECUTE FUNCTION placet.outbox_put_v1()"
    )
    known = "webhooks_delivery_event_type_known"
    op.execute(f"ALTER TABLE placet.webhooks_delivery DROP CONSTRAINT {known}")
    op.execute(
        f"ALTER TABLE placet.webhooks_delivery ADD CONSTRAINT {known}"
        f" CHECK (event_type IN ({told}))"
    )


def downgrade() -> None:
    """Drop all of this revision. No delivery that tells of a checkpoint may be left."""
    _tell(TOLD_BEFORE)
    op.execute("DROP TRIGGER log_begin ON placet.tenancy_tenant")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    op.execute("DELETE FROM placet.work_due WHERE kind = 'log_events'")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
