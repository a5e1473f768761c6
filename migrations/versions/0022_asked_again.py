"""Standing grants and edited calls."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = ["replay_ask_edit"]
TENANT = ["replay_ask_edit"]
APPEND_ONLY = ["replay_ask_edit"]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES = [("placet.replay", "ask_edit_v1")]
FUNCTIONS = ["ask_edit_v1"]


def upgrade() -> None:
    """Create the tables, their guards, and the function that writes them."""
    op.create_table(
        "replay_ask_edit",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("new_call_id", sa.Uuid(), nullable=False),
        sa.Column("editor_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_ask_edit_tenant_id_session_id_call_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "new_call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_ask_edit_tenant_id_session_id_new_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "call_id", name=op.f("replay_ask_edit_pkey")
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "session_id",
            "new_call_id",
            name=op.f("replay_ask_edit_tenant_id_session_id_new_call_id_key"),
        ),
        schema="placet",
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
