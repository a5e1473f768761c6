"""Kills of agents and tools, and lifting by two people."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = ["authority_lift"]
UPDATES: dict[str, list[str]] = {
    "authority_lift": ["confirm_reason", "confirmed_by", "confirmed_at", "lifted_epoch"]
}
SOURCES = [
    ("placet.authority", "control_reach_v1"),
    ("placet.authority", "control_lift_v1"),
    ("placet.replay", "session_control_v1"),
]
FUNCTIONS = [
    "session_control_v1",
    "control_lift_v1",
    "lift_key_counts_v1",
    "tools_controlled_since_v1(uuid, bigint, bigint)",
    "tools_killed_v1(uuid, bigint)",
    "agent_killed_v1(uuid, bigint, text)",
]
BARRED = "session_barred_v1(uuid, bigint, uuid, uuid, timestamptz)"
BEFORE = ["tenant", "artifact"]
AFTER = [*BEFORE, "agent", "tool"]


def upgrade() -> None:
    """Let controls be of two more kinds, and keep who asked for their end and who agreed."""
    op.execute(f"DROP FUNCTION IF EXISTS placet.{BARRED}")
    _allow(AFTER)
    _create_lifts()
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Allow the two earlier kinds only. Refused by the database where there are others."""
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{signature}")
    op.drop_table("authority_lift", schema="placet")
    _allow(BEFORE)


def _allow(kinds: list[str]) -> None:
    known = ", ".join(f"'{name}'" for name in kinds)
    name = "authority_control_kind_known"
    op.execute(f"ALTER TABLE placet.authority_control DROP CONSTRAINT {name}")
    op.execute(
        f"ALTER TABLE placet.authority_control ADD CONSTRAINT {name} CHECK (kind IN ({known}))"
    )


def _create_lifts() -> None:
    op.create_table(
        "authority_lift",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("lift_id", sa.Uuid(), nullable=False),
        sa.Column("control_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirm_reason", sa.Text(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_epoch", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "confirmed_at < lapses_at", name=op.f("authority_lift_confirmed_in_time")
        ),
        sa.CheckConstraint("confirmed_by <> asked_by", name=op.f("authority_lift_two_people")),
        sa.CheckConstraint(
            "num_nulls(confirm_reason, confirmed_by, confirmed_at, lifted_epoch) IN (0, 4)",
            name=op.f("authority_lift_confirmation_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "asked_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_lift_tenant_id_asked_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "confirmed_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_lift_tenant_id_confirmed_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "control_id"],
            ["placet.authority_control.tenant_id", "placet.authority_control.control_id"],
            name=op.f("authority_lift_tenant_id_control_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "lift_id", name=op.f("authority_lift_pkey")),
        schema="placet",
    )
    op.create_index(
        "authority_lift_list_ix",
        "authority_lift",
        ["tenant_id", "control_id", "lift_id"],
        unique=False,
        schema="placet",
    )
    op.create_index(
        "authority_lift_once_ix",
        "authority_lift",
        ["tenant_id", "control_id"],
        unique=True,
        schema="placet",
        postgresql_where=sa.text("lifted_epoch IS NOT NULL"),
    )
    guards.force_tenancy(op, TABLES)
    guards.grant_app(op, TABLES, UPDATES, [])
