"""Tool hosts, their keys, and receipts of calls that nobody knows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards
from placet.storage.functions import statements

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ["authority_tool_host", "authority_tool_host_revocation", "replay_orphan_receipt"]
TENANT = ["authority_tool_host", "authority_tool_host_revocation", "replay_orphan_receipt"]
APPEND_ONLY = ["authority_tool_host", "authority_tool_host_revocation", "replay_orphan_receipt"]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES = [("placet.authority", "host_attests_v1")]


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    op.create_table(
        "authority_tool_host",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("strength", sa.Text(), nullable=False),
        sa.Column("tools", postgresql.JSONB(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("registered_by", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("authority_tool_host_environment_known"),
        ),
        sa.CheckConstraint(
            "strength <> 'cooperative'", name=op.f("authority_tool_host_strength_of_a_host")
        ),
        sa.CheckConstraint(
            "strength IN ('cooperative', 'proxied', 'verified')",
            name=op.f("authority_tool_host_strength_known"),
        ),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("authority_tool_host_public_key_size")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "registered_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_tool_host_tenant_id_registered_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "host_id", name=op.f("authority_tool_host_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "key_id", name=op.f("authority_tool_host_tenant_id_key_id_key")
        ),
        schema="placet",
    )
    op.create_table(
        "authority_tool_host_revocation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("revoked_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "host_id"],
            ["placet.authority_tool_host.tenant_id", "placet.authority_tool_host.host_id"],
            name=op.f("authority_tool_host_revocation_tenant_id_host_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "revoked_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_tool_host_revocation_tenant_id_revoked_by_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "host_id", name=op.f("authority_tool_host_revocation_pkey")
        ),
        schema="placet",
    )
    _create_orphans()
    # Which host's key spoke: it may be revoked before its word is cited.
    op.add_column("replay_execution_receipt", sa.Column("attested_by", sa.Text()), schema="placet")

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Drop every table of this revision."""
    op.execute("DROP FUNCTION placet.host_attests_v1(uuid, text, text, text)")
    op.drop_column("replay_execution_receipt", "attested_by", schema="placet")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")


def _create_orphans() -> None:
    op.create_table(
        "replay_orphan_receipt",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("evidence_level", sa.Text(), nullable=False),
        sa.Column("arguments_hash", sa.LargeBinary(), nullable=False),
        sa.Column("output_hash", sa.LargeBinary(), nullable=True),
        sa.Column("output", sa.LargeBinary(), nullable=True),
        sa.Column("external_ref", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("conflicting", sa.Boolean(), nullable=False),
        sa.Column("grant_envelope", sa.LargeBinary(), nullable=False),
        sa.Column("host_envelope", sa.LargeBinary(), nullable=True),
        sa.Column("reported_by", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("replay_orphan_receipt_environment_known"),
        ),
        sa.CheckConstraint(
            "evidence_level IN ('none', 'model_claimed', 'client_reported', 'executor_attested', 'externally_verified')",
            name=op.f("replay_orphan_receipt_evidence_level_known"),
        ),
        sa.CheckConstraint(
            "status IN ('succeeded', 'failed', 'timed_out', 'unknown')",
            name=op.f("replay_orphan_receipt_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "reported_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("replay_orphan_receipt_tenant_id_reported_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "receipt_id", name=op.f("replay_orphan_receipt_pkey")),
        schema="placet",
    )
