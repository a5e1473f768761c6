"""Every function anew: a database that stood at an earlier revision runs the text of today."""

from alembic import op

from placet.storage.functions import make_all_anew

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every function anew."""
    make_all_anew(op, down_revision)


def downgrade() -> None:
    """Leave the functions as they are."""
