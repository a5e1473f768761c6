"""Standing grants and edited calls."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = ["replay_standing_grant", "replay_ask_edit", "replay_standing_use"]
TENANT = ["replay_standing_grant", "replay_ask_edit", "replay_standing_use"]
APPEND_ONLY = ["replay_ask_edit", "replay_standing_use"]
UPDATES: dict[str, list[str]] = {
    "replay_standing_grant": ["used", "revoked_by", "revoke_reason", "revoked_at"]
}
DELETES: list[str] = []
SOURCES = [("placet.replay", "ask_edit_v1"), ("placet.replay", "standing_v1")]
TOLD_BEFORE = [
    "ApprovalRequested",
    "VoteCast",
    "ApprovalGranted",
    "ApprovalRequestClosed",
    "ApprovalRevoked",
    "ApprovalExpired",
    "ApprovalExpiring",
    "DriftOpened",
    "SessionStopped",
    "ControlSet",
]
TOLD = [*TOLD_BEFORE, "ControlLiftAsked", "ControlLifted", "AskOpened"]
FUNCTIONS = [
    "standing_revoke_v1",
    "standing_take_v1",
    "standing_unseen_v1",
    "standing_facts_v1",
    "standing_room_v1",
    "standing_in_force_v1",
    "standing_counts_v1",
    "ask_edit_v1",
]


def upgrade() -> None:
    """Create the tables, their guards, and the functions that write them."""
    op.create_table(
        "replay_standing_grant",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("standing_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("rules", sa.LargeBinary(), nullable=False),
        sa.Column("schema_hash", sa.Text(), nullable=True),
        sa.Column("checkpoint_hash", sa.Text(), nullable=False),
        sa.Column("uses_max", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("revoke_reason", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("replay_standing_grant_environment_known"),
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL) AND (revoked_at IS NULL) = (revoke_reason IS NULL)",
            name=op.f("replay_standing_grant_revocation_told"),
        ),
        sa.CheckConstraint(
            "used >= 0 AND used <= uses_max", name=op.f("replay_standing_grant_used_within")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "granted_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("replay_standing_grant_tenant_id_granted_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["placet.authority_person_key.tenant_id", "placet.authority_person_key.key_id"],
            name=op.f("replay_standing_grant_tenant_id_key_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "standing_id", name=op.f("replay_standing_grant_pkey")
        ),
        schema="placet",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        op.f("replay_standing_grant_tenant_id_agent_environment_expires_at_ix"),
        "replay_standing_grant",
        ["tenant_id", "agent", "environment", "expires_at"],
        unique=False,
        schema="placet",
    )
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
    op.create_table(
        "replay_standing_use",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("standing_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_standing_use_tenant_id_session_id_call_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "standing_id"],
            ["placet.replay_standing_grant.tenant_id", "placet.replay_standing_grant.standing_id"],
            name=op.f("replay_standing_use_tenant_id_standing_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "standing_id", "number", name=op.f("replay_standing_use_pkey")
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    _tell(TOLD)


def downgrade() -> None:
    """Drop everything of this revision."""
    # What an earlier service cannot tell it would never send.
    gone = ", ".join(f"'{name}'" for name in TOLD if name not in TOLD_BEFORE)
    op.execute("ALTER TABLE placet.webhooks_delivery NO FORCE ROW LEVEL SECURITY")
    op.execute(f"DELETE FROM placet.webhooks_delivery WHERE event_type IN ({gone})")  # noqa: S608 -- the names are those above
    op.execute("ALTER TABLE placet.webhooks_delivery FORCE ROW LEVEL SECURITY")
    _tell(TOLD_BEFORE)
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")


def _tell(types: list[str]) -> None:
    """Have events of these types fill the outbox, and no others."""
    told = ", ".join(f"'{name}'" for name in types)
    op.execute("DROP TRIGGER outbox_put ON placet.event")
    op.execute(
        "CREATE TRIGGER outbox_put AFTER INSERT ON placet.event FOR EACH ROW"
        f" WHEN (NEW.type IN ({told})) EXECUTE FUNCTION placet.outbox_put_v1()"
    )
    known = "webhooks_delivery_event_type_known"
    op.execute(f"ALTER TABLE placet.webhooks_delivery DROP CONSTRAINT {known}")
    op.execute(
        f"ALTER TABLE placet.webhooks_delivery ADD CONSTRAINT {known}"
        f" CHECK (event_type IN ({told}))"
    )
