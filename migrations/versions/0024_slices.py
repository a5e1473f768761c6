"""Slices of what is counted wider than a session."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLES = ["replay_allowance", "replay_slice", "replay_wide_amount"]
TENANT = TABLES
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {
    "replay_allowance": ["reserved"],
    "replay_slice": ["held", "used"],
    "replay_wide_amount": ["committed_at", "released_at"],
}
DELETES: list[str] = []
SOURCES = [("placet.replay", "slices_take_v1")]
FUNCTIONS = [
    "slices_return_v1",
    "slices_free_v1",
    "slices_told_v1",
    "slices_hold_v1",
    "slices_take_v1",
    "slices_fetch_v1",
    "slices_wait_v1",
    "slices_call_back_v1",
    "allowance_total_v1",
    "allowance_others_v1",
]


def upgrade() -> None:
    """Create the tables, and the functions that write them."""
    op.create_table(
        "replay_allowance",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("allowance_id", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("window_seconds", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reserved", sa.Numeric(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("replay_allowance_environment_known"),
        ),
        sa.CheckConstraint(
            "op IN ('sum', 'max', 'min', 'distinct', 'count')",
            name=op.f("replay_allowance_op_known"),
        ),
        sa.CheckConstraint(
            "scope IN ('session', 'principal', 'agent', 'tenant')",
            name=op.f("replay_allowance_scope_known"),
        ),
        sa.CheckConstraint("reserved >= 0", name=op.f("replay_allowance_reserved_counts")),
        sa.PrimaryKeyConstraint("tenant_id", "allowance_id", name=op.f("replay_allowance_pkey")),
        schema="placet",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "replay_slice",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("allowance_id", sa.Uuid(), nullable=False),
        sa.Column("held", sa.Numeric(), nullable=False),
        sa.Column("used", sa.Numeric(), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("replay_slice_held_counts")),
        sa.CheckConstraint("used >= 0", name=op.f("replay_slice_used_counts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "allowance_id"],
            ["placet.replay_allowance.tenant_id", "placet.replay_allowance.allowance_id"],
            name=op.f("replay_slice_tenant_id_allowance_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["placet.replay_session.tenant_id", "placet.replay_session.session_id"],
            name=op.f("replay_slice_tenant_id_session_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "allowance_id", name=op.f("replay_slice_pkey")
        ),
        schema="placet",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "replay_slice_holding_ix",
        "replay_slice",
        ["tenant_id", "allowance_id"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("held > 0"),
    )
    op.create_table(
        "replay_wide_amount",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("allowance_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("value >= 0", name=op.f("replay_wide_amount_value_counts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "allowance_id"],
            [
                "placet.replay_slice.tenant_id",
                "placet.replay_slice.session_id",
                "placet.replay_slice.allowance_id",
            ],
            name=op.f("replay_wide_amount_tenant_id_session_id_allowance_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_wide_amount_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id",
            "session_id",
            "call_id",
            "allowance_id",
            name=op.f("replay_wide_amount_pkey"),
        ),
        schema="placet",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "replay_wide_amount_counting_ix",
        "replay_wide_amount",
        ["tenant_id", "allowance_id", "committed_at"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("released_at IS NULL"),
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
