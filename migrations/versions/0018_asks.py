"""Asks, their votes, and claims."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ["replay_ask", "replay_claim", "replay_ask_vote"]
TENANT = TABLES
APPEND_ONLY = ["replay_claim", "replay_ask_vote"]
UPDATES: dict[str, list[str]] = {"replay_ask": ["status", "votes", "decided_at"]}
DELETES: list[str] = []
SOURCES = [("placet.replay", "ask_vote_v1"), ("placet.replay", "claim_v1")]
FUNCTIONS = ["claim_v1", "claim_facts_v1", "ask_vote_v1"]
INDEX = "replay_pending_call_asked_ix"


def upgrade() -> None:
    """Create the tables, the functions that write them, and the way to the calls that ask."""
    op.create_table(
        "replay_ask",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("view", sa.LargeBinary(), nullable=False),
        sa.Column("view_hash", sa.LargeBinary(), nullable=False),
        sa.Column("votes", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'open') = (decided_at IS NULL)", name=op.f("replay_ask_decision_told")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'approved', 'rejected')", name=op.f("replay_ask_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_ask_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", "call_id", name=op.f("replay_ask_pkey")),
        schema="placet",
    )
    op.create_table(
        "replay_claim",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("prepared_request_id", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("control_epoch", sa.BigInteger(), nullable=False),
        sa.Column("control_revision", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_claim_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "claim_id", name=op.f("replay_claim_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "replay_ask_vote",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("voter_id", sa.Uuid(), nullable=False),
        sa.Column("vote_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("voted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "decision IN ('approve', 'reject')", name=op.f("replay_ask_vote_decision_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_ask.tenant_id",
                "placet.replay_ask.session_id",
                "placet.replay_ask.call_id",
            ],
            name=op.f("replay_ask_vote_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "call_id", "voter_id", name=op.f("replay_ask_vote_pkey")
        ),
        schema="placet",
    )
    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    op.create_index(
        INDEX,
        "replay_pending_call",
        ["tenant_id", "deadline_at", "call_id"],
        schema="placet",
        postgresql_where=sa.text("deadline_at IS NOT NULL"),
    )
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Drop everything of this revision."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    op.drop_index(INDEX, "replay_pending_call", schema="placet")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
