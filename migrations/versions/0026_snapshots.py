"""Snapshots of sessions."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLES = ["replay_session_snapshot"]
TENANT = ["replay_session_snapshot"]
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = ["replay_session_snapshot"]


def upgrade() -> None:
    """Create the table, force row-level security and set grants: it is a cache."""
    op.create_table(
        "replay_session_snapshot",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("replay_session_snapshot_seq_counts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["placet.replay_session.tenant_id", "placet.replay_session.session_id"],
            name=op.f("replay_session_snapshot_tenant_id_session_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "seq", name=op.f("replay_session_snapshot_pkey")
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
