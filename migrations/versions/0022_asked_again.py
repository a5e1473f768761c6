"""Standing grants and edited calls."""

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES: list[str] = []
TENANT: list[str] = []
APPEND_ONLY: list[str] = []
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES: list[tuple[str, str]] = []


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
