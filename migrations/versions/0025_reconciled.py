"""What reads say of calls whose outcome is unknown, and which epoch a host's key ended at."""

import sqlalchemy as sa
from alembic import op

from placet.storage.functions import statements

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES: list[str] = []
TENANT: list[str] = []
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES = [("placet.replay", "read_facts_v1"), ("placet.authority", "gate_raise_v1")]


def upgrade() -> None:
    """Let a settlement name the read that it was decided on."""
    op.add_column("replay_settlement", sa.Column("reconciled_by", sa.Uuid()), schema="placet")
    op.create_foreign_key(
        op.f("replay_settlement_tenant_id_session_id_reconciled_by_fkey"),
        "replay_settlement",
        "replay_pending_call",
        ["tenant_id", "session_id", "reconciled_by"],
        ["tenant_id", "session_id", "call_id"],
        source_schema="placet",
        referent_schema="placet",
    )
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Forget the reads."""
    op.execute("DROP FUNCTION placet.gate_raise_v1")
    op.execute("DROP FUNCTION placet.read_facts_v1")
    op.drop_column("replay_settlement", "reconciled_by", schema="placet")
