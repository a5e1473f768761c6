"""Every function anew, and the kinds of streams of today.

A database that stood at an earlier revision runs the text of today from here on.
"""

from alembic import op

from placet.storage.functions import make_all_anew

revision = "0036"
down_revision = "0034"
branch_labels = None
depends_on = None


KINDS = "('tenancy', 'authority', 'control', 'workspace', 'session'"
MORE = ", 'seals', 'erasures', 'run', 'checkpoints'"


def upgrade() -> None:
    """Let streams be of more kinds, and make every function anew."""
    _allow(f"{KINDS}{MORE})")
    make_all_anew(op, down_revision)


def downgrade() -> None:
    """Leave the functions as they are. No stream of a kind that goes may be left."""
    _allow(f"{KINDS})")


def _allow(kinds: str) -> None:
    name = op.f("event_stream_kind_known")
    op.drop_constraint(name, "event_stream", type_="check", schema="placet")
    op.create_check_constraint(name, "event_stream", f"kind IN {kinds}", schema="placet")
