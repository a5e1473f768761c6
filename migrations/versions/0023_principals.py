"""Who an agent acts for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLES: list[str] = []
TENANT: list[str] = []
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES: list[tuple[str, str]] = []
ATTRIBUTES = {"tenancy_api_key": "claims", "replay_session": "principal"}


def upgrade() -> None:
    """Let keys and sessions say for whom; of those that stand already nothing is known."""
    for table, name in ATTRIBUTES.items():
        nobody = sa.text("'{}'")
        column = sa.Column(name, postgresql.JSONB(), nullable=False, server_default=nobody)
        op.add_column(table, column, schema="placet")
        op.execute(f"ALTER TABLE placet.{table} ALTER COLUMN {name} DROP DEFAULT")


def downgrade() -> None:
    """Forget for whom."""
    for table, name in ATTRIBUTES.items():
        op.drop_column(table, name, schema="placet")
