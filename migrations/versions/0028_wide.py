"""Values that sessions share and that cannot be shared out."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

TABLES = ["replay_tally_mark"]
TENANT = TABLES
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {"replay_tally_mark": ["committed_at"]}
DELETES: list[str] = ["replay_tally_mark"]
SOURCES = [("placet.replay", "tallies_take_v1")]
FUNCTIONS = [
    "tallies_told_v1",
    "tally_others_v1",
    "tallies_clean_v1",
    "tallies_take_v1",
    "tally_keeps_v1",
    "tally_since_v1",
    "tally_sum_v1",
    "tally_different_v1",
    "tally_extreme_v1",
    "tally_lock_key_v1",
]


def upgrade() -> None:
    """Create the table, and the functions that write it."""
    op.create_table(
        "replay_tally_mark",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("tally_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(value, digest) = 1", name=op.f("replay_tally_mark_one_value")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_tally_mark_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "call_id", "tally_id", name=op.f("replay_tally_mark_pkey")
        ),
        schema="placet",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "replay_tally_mark_digest_ix",
        "replay_tally_mark",
        ["tenant_id", "tally_id", "digest"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("digest IS NOT NULL"),
    )
    op.create_index(
        "replay_tally_mark_left_ix",
        "replay_tally_mark",
        ["tenant_id", "tally_id", "committed_at"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("committed_at IS NOT NULL"),
    )
    op.create_index(
        "replay_tally_mark_value_ix",
        "replay_tally_mark",
        ["tenant_id", "tally_id", "value"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("value IS NOT NULL"),
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Drop everything of this revision."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
