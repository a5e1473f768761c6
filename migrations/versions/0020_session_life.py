"""Closing sessions and their seals."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = ["replay_session_seal"]
TENANT = ["replay_session_seal"]
APPEND_ONLY = ["replay_session_seal"]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES = [("placet.replay", "session_seal_v1"), ("placet.replay", "session_close_v1")]
CLOSE = (
    "session_close_v1("
    "text, bytea, uuid, text, bigint, bigint, text, uuid[], text[], bytea[], bytea[])"
)


def upgrade() -> None:
    """Create the table, force row-level security, set grants, and have each end write its seal."""
    op.create_table(
        "replay_session_seal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'closing', 'completed', 'killed', 'compromised', 'expired')",
            name=op.f("replay_session_seal_status_known"),
        ),
        sa.CheckConstraint("last_seq >= 1", name=op.f("replay_session_seal_last_seq_counts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["placet.replay_session.tenant_id", "placet.replay_session.session_id"],
            name=op.f("replay_session_seal_tenant_id_session_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", name=op.f("replay_session_seal_pkey")),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    op.execute(
        "CREATE TRIGGER session_seal AFTER UPDATE OF ended_at ON placet.replay_session"
        " FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)"
        " EXECUTE FUNCTION placet.session_seal_v1()"
    )


def downgrade() -> None:
    """Drop the trigger, the functions, and every table of this revision."""
    op.execute("DROP TRIGGER session_seal ON placet.replay_session")
    op.execute("DROP FUNCTION placet.session_seal_v1()")
    op.execute(f"DROP FUNCTION placet.{CLOSE}")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
