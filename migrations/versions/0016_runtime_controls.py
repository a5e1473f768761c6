"""Kills of agents and tools, and lifting by two people."""

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
