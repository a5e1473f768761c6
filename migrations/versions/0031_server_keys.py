"""Changes of our own keys."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TABLES = [
    "authority_server_key_end",
    "authority_server_key_end_told",
    "authority_server_key_rotation",
]
TENANT = ["authority_server_key_end_told"]
APPEND_ONLY = [
    "authority_server_key_end",
    "authority_server_key_end_told",
    "authority_server_key_rotation",
]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    op.create_table(
        "authority_server_key_end",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("authority_server_key_end_pkey")),
        schema="placet",
    )
    op.create_table(
        "authority_server_key_end_told",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "key_id", name=op.f("authority_server_key_end_told_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "authority_server_key_rotation",
        sa.Column("new_key_id", sa.Text(), nullable=False),
        sa.Column("old_key_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("by_old", sa.LargeBinary(), nullable=False),
        sa.Column("by_new", sa.LargeBinary(), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('grant', 'artifact', 'checkpoint')",
            name=op.f("authority_server_key_rotation_purpose_known"),
        ),
        sa.PrimaryKeyConstraint("new_key_id", name=op.f("authority_server_key_rotation_pkey")),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)


def downgrade() -> None:
    """Drop every table of this revision."""
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
