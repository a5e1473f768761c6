"""The restore epoch."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TABLES = ["authority_recovery"]
HIDDEN = ["storage_epoch"]
TENANT = ["authority_recovery"]
UPDATES: dict[str, list[str]] = {
    "authority_recovery": ["closed_at", "closed_by", "close_reason", "closed_epoch"],
    "replay_session": ["epoch"],
}
DELETES: list[str] = []
SOURCES = [
    ("placet.storage", "storage_epoch_v1"),
    ("placet.authority", "recovery_v1"),
    ("placet.replay", "session_restore_v1"),
    ("placet.replay", "effect_orphaned_v1"),
]
FUNCTIONS = [
    "effect_orphaned_v1",
    "session_stop_again_v1",
    "session_restore_v1",
    "recovery_closed_since_v1",
    "recovering_v1",
    "storage_epoch_read_v1",
    "storage_epoch_v1",
    "storage_here_v1",
]
THIS_SERVER = """
INSERT INTO placet.storage_epoch (is_only, epoch, system_identifier, timeline, raised_at)
SELECT true, 1, h.system_identifier, h.timeline, clock_timestamp()
FROM placet.storage_here_v1() AS h
"""


def upgrade() -> None:
    """Create the tables and functions; the epoch begins with this server, at 1."""
    op.create_table(
        "storage_epoch",
        sa.Column("is_only", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("system_identifier", sa.Text(), nullable=False),
        sa.Column("timeline", sa.BigInteger(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("epoch >= 1", name=op.f("storage_epoch_epoch_counts")),
        sa.CheckConstraint("is_only", name=op.f("storage_epoch_one_row")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("storage_epoch_pkey")),
        schema="placet",
    )
    op.create_table(
        "authority_recovery",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("from_epoch", sa.BigInteger(), nullable=False),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("witnessed_size", sa.BigInteger(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.Column("closed_epoch", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by IS NULL)"
            " AND (closed_at IS NULL) = (closed_epoch IS NULL)"
            " AND (closed_at IS NULL) = (close_reason IS NULL)",
            name=op.f("authority_recovery_close_told"),
        ),
        sa.CheckConstraint(
            "epoch > from_epoch AND from_epoch >= 1",
            name=op.f("authority_recovery_epoch_raised"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "closed_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_recovery_tenant_id_closed_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "epoch", name=op.f("authority_recovery_pkey")),
        schema="placet",
    )
    op.add_column(
        "replay_orphan_receipt",
        sa.Column("effect_key", sa.LargeBinary(), nullable=True),
        schema="placet",
    )
    op.create_index(
        "replay_orphan_receipt_effect_ix",
        "replay_orphan_receipt",
        ["tenant_id", "agent", "environment", "effect_key"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("effect_key IS NOT NULL"),
    )
    guards.force_tenancy(op, TENANT)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    guards.hide(op, HIDDEN)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    op.execute(THIS_SERVER)


def downgrade() -> None:
    """Drop every table, column and function of this revision."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    op.execute("REVOKE UPDATE (epoch) ON placet.replay_session FROM placet_app")
    op.drop_index(
        "replay_orphan_receipt_effect_ix", table_name="replay_orphan_receipt", schema="placet"
    )
    op.drop_column("replay_orphan_receipt", "effect_key", schema="placet")
    for name in [*HIDDEN, *TABLES]:
        op.drop_table(name, schema="placet")
