"""Who an agent acts for, and what two people sign who lift a kill."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLES = ["authority_issuer", "authority_issuer_revocation", "replay_assertion"]
TENANT = ["authority_issuer", "authority_issuer_revocation", "replay_assertion"]
APPEND_ONLY = ["authority_issuer", "authority_issuer_revocation", "replay_assertion"]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES: list[tuple[str, str]] = []
ATTRIBUTES = {"tenancy_api_key": "claims", "replay_session": "principal"}
VOTES = ["ask_vote", "confirm_vote"]


def upgrade() -> None:
    """Let keys and sessions say for whom, and issuers; of what stands already nothing is known."""
    for table, name in ATTRIBUTES.items():
        nobody = sa.text("'{}'")
        column = sa.Column(name, postgresql.JSONB(), nullable=False, server_default=nobody)
        op.add_column(table, column, schema="placet")
        op.execute(f"ALTER TABLE placet.{table} ALTER COLUMN {name} DROP DEFAULT")
    for name in VOTES:
        op.add_column("authority_lift", sa.Column(name, sa.LargeBinary()), schema="placet")
    op.execute("GRANT UPDATE (confirm_vote) ON placet.authority_lift TO placet_app")
    op.create_check_constraint(
        op.f("authority_lift_both_signed"),
        "authority_lift",
        "confirmed_at IS NULL OR num_nulls(ask_vote, confirm_vote) <> 1",
        schema="placet",
    )
    _create_issuers()
    op.create_table(
        "replay_assertion",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("assertion_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "issuer_id"],
            ["placet.authority_issuer.tenant_id", "placet.authority_issuer.issuer_id"],
            name=op.f("replay_assertion_tenant_id_issuer_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "issuer_id", "assertion_id", name=op.f("replay_assertion_pkey")
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)


def downgrade() -> None:
    """Forget for whom, who said so, and what was signed to lift a kill."""
    for name in VOTES:
        op.drop_column("authority_lift", name, schema="placet")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
    for table, name in ATTRIBUTES.items():
        op.drop_column(table, name, schema="placet")


def _create_issuers() -> None:
    op.create_table(
        "authority_issuer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("registered_by", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("authority_issuer_environment_known"),
        ),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("authority_issuer_public_key_size")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "registered_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_issuer_tenant_id_registered_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "issuer_id", name=op.f("authority_issuer_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "key_id", name=op.f("authority_issuer_tenant_id_key_id_key")
        ),
        schema="placet",
    )
    op.create_table(
        "authority_issuer_revocation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("revoked_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "issuer_id"],
            ["placet.authority_issuer.tenant_id", "placet.authority_issuer.issuer_id"],
            name=op.f("authority_issuer_revocation_tenant_id_issuer_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "revoked_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_issuer_revocation_tenant_id_revoked_by_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "issuer_id", name=op.f("authority_issuer_revocation_pkey")
        ),
        schema="placet",
    )
