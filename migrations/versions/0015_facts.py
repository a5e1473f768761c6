"""What a session's facts need beside its state."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
