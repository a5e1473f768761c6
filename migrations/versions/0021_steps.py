"""Whole steps in one round trip.

Every function of the earlier revisions is made anew from its file, so that a database that stood at
one of them runs the text of today, whatever text it was made with.
"""

import sqlalchemy as sa
from alembic import op
from alembic.script import ScriptDirectory

from placet.storage import migrations
from placet.storage.functions import statements

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SOURCES = [
    ("placet.replay", "calls_v1"),
    ("placet.replay", "receipt_prepare_v1"),
    ("placet.replay", "grants_stand_v1"),
    ("placet.replay", "unguarded_v1"),
    ("placet.replay", "session_amounts_v1"),
]
FUNCTIONS = [
    "calls_v1",
    "receipt_prepare_v1",
    "grants_signable_v1",
    "grant_stands_v1",
    "effects_taken_v1",
    "decision_lasts_v1",
    "grants_killed_v1",
    "tools_moved_v1",
    "unguarded_v1",
    "session_amounts_v1",
]
HEAD = "CREATE FUNCTION placet."
PRESENT = sa.text(
    """
    SELECT p.oid::regprocedure::text AS signature, p.prorettype = 'trigger'::regtype AS is_trigger,
           p.proowner = current_user::regrole AS is_ours
    FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'placet'::regnamespace AND p.proname = :name
    """
)


def upgrade() -> None:
    """Make the earlier functions anew, and create those of this revision."""
    # One may call another whose parameters are still the old ones.
    op.execute("SET LOCAL check_function_bodies = off")
    script = ScriptDirectory(str(migrations.location()))
    for step in reversed([*script.walk_revisions("base", down_revision)]):
        for package, name in getattr(step.module, "SOURCES", []):
            for statement in statements(package, name):
                _make_anew(statement)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Drop the functions of this revision. The others stay as they are."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")


def _make_anew(statement: str) -> None:
    """Replace a function, whatever its parameters were. One of another owner stays as it is."""
    name = statement.partition(HEAD)[2].partition("(")[0]
    present = op.get_bind().execute(PRESENT, {"name": name}).all()
    if not all(row.is_ours for row in present):
        return
    for row in present:
        # What a trigger calls has no parameters to change.
        if not row.is_trigger:
            op.execute(f"DROP FUNCTION {row.signature}")
    anew = statement.replace(HEAD, "CREATE OR REPLACE FUNCTION placet.", 1)
    op.execute(anew.replace(":", "\\:"))
