"""Break-glass: what is approved to stand by, and what two people put in force for a while."""

import sqlalchemy as sa
from alembic import op

from placet.storage.functions import statements

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PURPOSED = ["studio_approval_request", "studio_approval"]
ACTIVATION = {
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
    """Say what approvals are for, and let plans and sessions know of activations."""
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
