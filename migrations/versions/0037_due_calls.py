"""The way to the calls of a session that are due, and where those begin.

A sweep reads from `next_due_at` on: no call that is granted, or waits for people, is due before.
A session that had begun to close may say a later time than that of a call it had left.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

INDEX = "replay_pending_call_due_ix"
DUE = "CASE WHEN grant_expires_at IS NULL THEN deadline_at ELSE grant_expires_at END"


def upgrade() -> None:
    """Create the index, and let every session that is no more active be read from its beginning."""
    op.create_index(
        INDEX,
        "replay_pending_call",
        ["tenant_id", "session_id", sa.text(f"({DUE})")],
        postgresql_where=sa.text(f"({DUE}) IS NOT NULL"),
        schema="placet",
    )
    op.execute("ALTER TABLE placet.replay_session NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE placet.replay_session SET next_due_at = '-infinity' WHERE status <> 'active'"
    )
    op.execute("ALTER TABLE placet.replay_session FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(INDEX, "replay_pending_call", schema="placet")
