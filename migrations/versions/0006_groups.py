"""Groups of approvers, requests that change the policy, and enrolments that several confirm."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ["studio_workspace_member"]
TENANT = ["studio_workspace_member"]
APPEND_ONLY = ["studio_workspace_member"]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []

EMPTY_LISTS = ["studio_enrolment", "studio_enrolment_confirmation"]
CONFIRMATION = "studio_enrolment_confirmation"
VOTE = "studio_approval_vote"
WORKSPACE = "studio_workspace"


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    op.create_table(
        "studio_workspace_member",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("confirmed_by", postgresql.JSONB(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts_from", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id", "key_id"],
            [
                "placet.studio_workspace_key.tenant_id",
                "placet.studio_workspace_key.workspace_id",
                "placet.studio_workspace_key.key_id",
            ],
            name=op.f("studio_workspace_member_tenant_id_workspace_id_key_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id",
            "workspace_id",
            "group_name",
            "key_id",
            name=op.f("studio_workspace_member_pkey"),
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    op.execute("GRANT UPDATE (approval_policy) ON placet.studio_workspace TO placet_app")
    op.execute("GRANT UPDATE (enforcement, unplanned) ON placet.plans_plan TO placet_app")
    op.drop_constraint(f"{WORKSPACE}_tenant_id_agent_environment_key", WORKSPACE, schema="placet")
    op.create_index(
        f"{WORKSPACE}_one_active_ix",
        WORKSPACE,
        ["tenant_id", "agent", "environment"],
        unique=True,
        schema="placet",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.add_column(
        "studio_approval_request",
        sa.Column("policy_change", postgresql.JSONB(), nullable=True),
        schema="placet",
    )
    op.execute(f"ALTER TABLE placet.{VOTE} ADD COLUMN signed_in text NOT NULL DEFAULT 'api'")
    op.execute(f"ALTER TABLE placet.{VOTE} ALTER COLUMN signed_in DROP DEFAULT")
    op.create_check_constraint(
        op.f(f"{VOTE}_signed_in_known"),
        VOTE,
        "signed_in IN ('api', 'page', 'local')",
        schema="placet",
    )
    for name in EMPTY_LISTS:
        op.execute(f"ALTER TABLE placet.{name} ADD COLUMN groups jsonb NOT NULL DEFAULT '[]'")
        op.execute(f"ALTER TABLE placet.{name} ALTER COLUMN groups DROP DEFAULT")
    _key("tenant_id, enrolment_id, confirmed_by")


def _key(columns: str) -> None:
    op.execute(f"ALTER TABLE placet.{CONFIRMATION} DROP CONSTRAINT {CONFIRMATION}_pkey")
    op.execute(
        f"ALTER TABLE placet.{CONFIRMATION}"
        f" ADD CONSTRAINT {CONFIRMATION}_pkey PRIMARY KEY ({columns})"
    )


def downgrade() -> None:
    """Forget groups and who is in them. Refused where several confirmed one enrolment.

    And where a workspace follows an archived one.
    """
    _key("tenant_id, enrolment_id")
    for name in EMPTY_LISTS:
        op.execute(f"ALTER TABLE placet.{name} DROP COLUMN groups")
    op.drop_column(VOTE, "signed_in", schema="placet")
    op.drop_column("studio_approval_request", "policy_change", schema="placet")
    op.drop_index(f"{WORKSPACE}_one_active_ix", WORKSPACE, schema="placet")
    op.create_unique_constraint(
        f"{WORKSPACE}_tenant_id_agent_environment_key",
        WORKSPACE,
        ["tenant_id", "agent", "environment"],
        schema="placet",
    )
    op.execute("REVOKE UPDATE (enforcement, unplanned) ON placet.plans_plan FROM placet_app")
    op.execute("REVOKE UPDATE (approval_policy) ON placet.studio_workspace FROM placet_app")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
