"""First approvers: which workspace goes before another, and the proof that came with each key.

A key that was let in before has no proof over its workspace: what it votes for is approved as
before, and `placet verify` says that its proof is missing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns."""
    op.add_column(
        "studio_workspace", sa.Column("succeeds", sa.Uuid(), nullable=True), schema="placet"
    )
    op.execute("ALTER TABLE placet.studio_workspace_key ADD COLUMN proof bytea NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE placet.studio_workspace_key ALTER COLUMN proof DROP DEFAULT")


def downgrade() -> None:
    """Drop them."""
    op.drop_column("studio_workspace_key", "proof", schema="placet")
    op.drop_column("studio_workspace", "succeeds", schema="placet")
