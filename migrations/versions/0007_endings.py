"""How approvals end: endings, warnings, and what sessions and controls know of them."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ["studio_ending", "studio_ending_warning"]
TENANT = ["studio_ending", "studio_ending_warning"]
APPEND_ONLY = ["studio_ending", "studio_ending_warning"]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES = [("placet.replay", "session_end_v1")]
IN_FORCE = "authority_control_in_force_ix"


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    op.create_table(
        "studio_ending",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("artifact_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("control_id", sa.Uuid(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('expired', 'revoked')", name=op.f("studio_ending_kind_known")),
        sa.CheckConstraint(
            "(kind = 'revoked') = (reason IS NOT NULL AND control_id IS NOT NULL)",
            name=op.f("studio_ending_revocation_told"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["placet.studio_approval.tenant_id", "placet.studio_approval.approval_id"],
            name=op.f("studio_ending_tenant_id_approval_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            ["placet.studio_workspace.tenant_id", "placet.studio_workspace.workspace_id"],
            name=op.f("studio_ending_tenant_id_workspace_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "approval_id", "kind", name=op.f("studio_ending_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "studio_ending_warning",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("days_before", sa.BigInteger(), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["placet.studio_approval.tenant_id", "placet.studio_approval.approval_id"],
            name=op.f("studio_ending_warning_tenant_id_approval_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "approval_id", "days_before", name=op.f("studio_ending_warning_pkey")
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    _allow(["tenant", "artifact"])
    _index(["tenant_id", "kind", "target"])
    op.add_column(
        "replay_session",
        sa.Column("authority_until", sa.DateTime(timezone=True), nullable=True),
        schema="placet",
    )
    op.create_index(
        "replay_session_open_under_ix",
        "replay_session",
        ["tenant_id", "artifact_id"],
        schema="placet",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Drop what this revision made. Refused by the database where an artifact was revoked."""
    op.execute("DROP FUNCTION placet.session_end_v1")
    op.drop_index("replay_session_open_under_ix", "replay_session", schema="placet")
    op.drop_column("replay_session", "authority_until", schema="placet")
    _index(["tenant_id", "kind"])
    _allow(["tenant"])
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")


def _allow(kinds: list[str]) -> None:
    known = ", ".join(f"'{kind}'" for kind in kinds)
    check = "authority_control_kind_known"
    op.execute(f"ALTER TABLE placet.authority_control DROP CONSTRAINT {check}")
    op.execute(
        f"ALTER TABLE placet.authority_control ADD CONSTRAINT {check} CHECK (kind IN ({known}))"
    )


def _index(columns: list[str]) -> None:
    op.drop_index(IN_FORCE, "authority_control", schema="placet")
    op.create_index(
        IN_FORCE,
        "authority_control",
        columns,
        schema="placet",
        postgresql_where=sa.text("lifted_epoch IS NULL"),
    )
