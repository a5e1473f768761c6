"""Views: the indexes that keep each of them as quick in a large tenant as in a small one."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index requests by workspace, live drift by workspace, and roles by whoever has them."""
    op.create_index(
        "studio_approval_request_list_ix",
        "studio_approval_request",
        ["tenant_id", "workspace_id", "request_id"],
        schema="placet",
    )
    op.create_index(
        "studio_drift_item_live_ix",
        "studio_drift_item",
        ["tenant_id", "workspace_id", "item_id"],
        schema="placet",
        postgresql_where=sa.text("status IN ('open', 'acknowledged', 'accepted', 'waived')"),
    )
    op.create_index(
        "tenancy_role_grant_actor_ix",
        "tenancy_role_grant",
        ["tenant_id", "actor_id", "workspace_id"],
        schema="placet",
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("tenancy_role_grant_actor_ix", "tenancy_role_grant", schema="placet")
    op.drop_index("studio_drift_item_live_ix", "studio_drift_item", schema="placet")
    op.drop_index("studio_approval_request_list_ix", "studio_approval_request", schema="placet")
