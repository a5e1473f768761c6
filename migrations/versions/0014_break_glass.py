"""Break-glass: what is approved to stand by, and what two people put in force for a while."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ["studio_break_glass"]
TENANT = ["studio_break_glass"]
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {
    "studio_break_glass": [
        "status",
        "confirmed_by",
        "confirmer_key_id",
        "confirmer_envelope",
        "confirmed_at",
        "ends_at",
        "end_why",
        "end_reason",
        "ended_by",
        "ended_at",
    ]
}
DELETES: list[str] = []
PURPOSED = ["studio_approval_request", "studio_approval"]
ACTIVATION: dict[str, sa.types.TypeEngine[Any]] = {
    "activation_id": sa.Uuid(),
    "activated_artifact_id": sa.Uuid(),
    "activated_hash": sa.Text(),
    "activated_approval_id": sa.Uuid(),
    "activated_at": sa.DateTime(timezone=True),
    "activated_until": sa.DateTime(timezone=True),
}
SOURCES = [("placet.plans", "plan_stamp_v1"), ("placet.replay", "session_cut_v1")]
FUNCTIONS = ["session_cut_v1(uuid, uuid)", "plan_stamp_v1(text, text)"]


def upgrade() -> None:
    """Say what approvals are for, create activations, and let plans and sessions know of them."""
    for name in PURPOSED:
        op.execute(f"ALTER TABLE placet.{name} ADD COLUMN purpose text NOT NULL DEFAULT 'ordinary'")
        op.execute(f"ALTER TABLE placet.{name} ALTER COLUMN purpose DROP DEFAULT")
        op.create_check_constraint(
            op.f(f"{name}_purpose_known"),
            name,
            sa.text("purpose IN ('ordinary', 'break_glass')"),
            schema="placet",
        )
    _add_activation()
    _create_break_glass()
    op.add_column(
        "replay_session", sa.Column("activation_id", sa.Uuid(), nullable=True), schema="placet"
    )
    op.execute("GRANT UPDATE (authority_until) ON placet.replay_session TO placet_app")
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Forget what approvals were for, and every activation."""
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{signature}")
    op.drop_table("studio_break_glass", schema="placet")
    op.execute("REVOKE UPDATE (authority_until) ON placet.replay_session FROM placet_app")
    op.drop_column("replay_session", "activation_id", schema="placet")
    for name in reversed(ACTIVATION):
        op.drop_column("plans_plan", name, schema="placet")
    for name in reversed(PURPOSED):
        op.drop_column(name, "purpose", schema="placet")


def _add_activation() -> None:
    for name, kind in ACTIVATION.items():
        op.add_column("plans_plan", sa.Column(name, kind, nullable=True), schema="placet")
    op.create_foreign_key(
        op.f("plans_plan_tenant_id_activated_artifact_id_activated_hash_fkey"),
        "plans_plan",
        "authority_artifact",
        ["tenant_id", "activated_artifact_id", "activated_hash"],
        ["tenant_id", "artifact_id", "compiled_hash"],
        source_schema="placet",
        referent_schema="placet",
    )
    op.create_check_constraint(
        op.f("plans_plan_activation_whole"),
        "plans_plan",
        sa.text(f"num_nulls({', '.join(ACTIVATION)}) IN (0, {len(ACTIVATION)})"),
        schema="placet",
    )
    op.execute(f"GRANT UPDATE ({', '.join(ACTIVATION)}) ON placet.plans_plan TO placet_app")


def _create_break_glass() -> None:
    op.create_table(
        "studio_break_glass",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("activation_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("artifact_id", sa.Uuid(), nullable=False),
        sa.Column("artifact_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("opener_key_id", sa.Text(), nullable=False),
        sa.Column("opener_envelope", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmer_key_id", sa.Text(), nullable=True),
        sa.Column("confirmer_envelope", sa.LargeBinary(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_why", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('open', 'active')) = (ended_at IS NULL) AND (status = 'ended') = (end_why IS NOT NULL)",
            name=op.f("studio_break_glass_end_told"),
        ),
        sa.CheckConstraint(
            "end_why IN ('ran_out', 'stopped', 'revoked')",
            name=op.f("studio_break_glass_end_why_known"),
        ),
        sa.CheckConstraint(
            "ends_at > confirmed_at AND ends_at <= confirmed_at + minutes * interval '1 minute'",
            name=op.f("studio_break_glass_ends_in_time"),
        ),
        sa.CheckConstraint(
            "num_nulls(confirmed_by, confirmer_key_id, confirmer_envelope, confirmed_at, ends_at) = CASE WHEN status IN ('active', 'ended') THEN 0 ELSE 5 END",
            name=op.f("studio_break_glass_confirmation_whole"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'active', 'ended', 'lapsed', 'withdrawn')",
            name=op.f("studio_break_glass_status_known"),
        ),
        sa.CheckConstraint("confirmed_by <> opened_by", name=op.f("studio_break_glass_two_people")),
        sa.CheckConstraint(
            "minutes BETWEEN 1 AND 60", name=op.f("studio_break_glass_an_hour_at_most")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["placet.studio_approval.tenant_id", "placet.studio_approval.approval_id"],
            name=op.f("studio_break_glass_tenant_id_approval_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "artifact_id", "artifact_hash"],
            [
                "placet.authority_artifact.tenant_id",
                "placet.authority_artifact.artifact_id",
                "placet.authority_artifact.compiled_hash",
            ],
            name=op.f("studio_break_glass_tenant_id_artifact_id_artifact_hash_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "confirmed_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("studio_break_glass_tenant_id_confirmed_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "confirmer_key_id"],
            ["placet.authority_person_key.tenant_id", "placet.authority_person_key.key_id"],
            name=op.f("studio_break_glass_tenant_id_confirmer_key_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opened_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("studio_break_glass_tenant_id_opened_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "opener_key_id"],
            ["placet.authority_person_key.tenant_id", "placet.authority_person_key.key_id"],
            name=op.f("studio_break_glass_tenant_id_opener_key_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            ["placet.studio_workspace.tenant_id", "placet.studio_workspace.workspace_id"],
            name=op.f("studio_break_glass_tenant_id_workspace_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "activation_id", name=op.f("studio_break_glass_pkey")),
        schema="placet",
    )
    op.create_index(
        "studio_break_glass_list_ix",
        "studio_break_glass",
        ["tenant_id", "workspace_id", "activation_id"],
        unique=False,
        schema="placet",
    )
    op.create_index(
        "studio_break_glass_pair_ix",
        "studio_break_glass",
        ["tenant_id", "workspace_id", "confirmed_at"],
        unique=False,
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
