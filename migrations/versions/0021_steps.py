"""Whole steps in one round trip.

Every function of the earlier revisions is installed anew, so that a database that stood at one of
them runs the text of today.
"""

from alembic import op

from placet.storage.functions import statements

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SOURCES = [("placet.replay", "calls_v1"), ("placet.replay", "receipt_prepare_v1")]
FUNCTIONS = ["calls_v1", "receipt_prepare_v1"]


def upgrade() -> None:
    """Create the functions."""
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Drop the functions."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
