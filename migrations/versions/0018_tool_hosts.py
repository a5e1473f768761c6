"""Tool hosts, their keys, and receipts of calls that nobody knows."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
