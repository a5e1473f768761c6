"""Who runs what, the tools that agents offer, and what tells that a plan has changed."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = ["plans_inventory_tool", "plans_attachment"]
TENANT = ["plans_inventory_tool", "plans_attachment"]
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {
    "plans_inventory_tool": ["last_seen_at"],
    "plans_attachment": [
        "status",
        "compiled_hash",
        "reason",
        "sdk_version",
        "tool_count",
        "reported_by",
        "since",
        "last_seen_at",
    ],
}
DELETES: list[str] = ["plans_inventory_tool", "plans_attachment"]
SOURCES = [("placet.plans", "plan_look_v1"), ("placet.plans", "plan_changed_v1")]
FUNCTIONS = [
    "plan_look_v1(text[], bytea[], text[], text[])",
    "plan_changed_v1()",
]


def upgrade() -> None:
    """Create the tables, force row-level security, set grants; create the functions."""
    op.create_table(
        "plans_inventory_tool",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("version_hash", sa.Text(), nullable=False),
        sa.Column("description_hash", sa.Text(), nullable=True),
        sa.Column("schema_hash", sa.Text(), nullable=True),
        sa.Column("input_schema", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("plans_inventory_tool_environment_known"),
        ),
        sa.CheckConstraint(
            "(schema_hash IS NULL) = (input_schema IS NULL)",
            name=op.f("plans_inventory_tool_schema_has_hash"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id",
            "agent",
            "environment",
            "tool",
            "version_hash",
            name=op.f("plans_inventory_tool_pkey"),
        ),
        schema="placet",
    )
    op.create_table(
        "plans_attachment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("compiled_hash", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("sdk_version", sa.Text(), nullable=False),
        sa.Column("tool_count", sa.BigInteger(), nullable=True),
        sa.Column("reported_by", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("plans_attachment_environment_known"),
        ),
        sa.CheckConstraint(
            "status IN ('attached', 'no_plan', 'fetch_failed', 'artifact_invalid', 'attachment_failed')",
            name=op.f("plans_attachment_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "reported_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("plans_attachment_tenant_id_reported_by_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "agent", "environment", "instance_id", name=op.f("plans_attachment_pkey")
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    op.execute(
        "CREATE TRIGGER plan_changed AFTER INSERT OR UPDATE ON placet.plans_plan"
        " FOR EACH ROW EXECUTE FUNCTION placet.plan_changed_v1()"
    )


def downgrade() -> None:
    """Drop the trigger, the functions and every table of this revision."""
    op.execute("DROP TRIGGER plan_changed ON placet.plans_plan")
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{signature}")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
