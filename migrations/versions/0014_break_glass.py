"""Break-glass: what is approved to stand by, and what two people put in force for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PURPOSED = ["studio_approval_request", "studio_approval"]


def upgrade() -> None:
    """Say what requests and approvals are for."""
    for name in PURPOSED:
        op.execute(f"ALTER TABLE placet.{name} ADD COLUMN purpose text NOT NULL DEFAULT 'ordinary'")
        op.execute(f"ALTER TABLE placet.{name} ALTER COLUMN purpose DROP DEFAULT")
        op.create_check_constraint(
            op.f(f"{name}_purpose_known"),
            name,
            sa.text("purpose IN ('ordinary', 'break_glass')"),
            schema="placet",
        )


def downgrade() -> None:
    """Forget what requests and approvals were for."""
    for name in reversed(PURPOSED):
        op.drop_column(name, "purpose", schema="placet")
