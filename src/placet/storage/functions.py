"""Database functions kept as SQL files beside the part that owns them."""

from importlib.resources import files
from types import ModuleType
from typing import Final

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from placet.storage import migrations

END: Final = "\n$$;\n"
_HEAD: Final = "CREATE FUNCTION placet."
_PRESENT: Final = sa.text(
    """
    SELECT p.oid::regprocedure::text AS signature, p.prorettype = 'trigger'::regtype AS is_trigger,
           p.proowner = current_user::regrole AS is_ours
    FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'placet'::regnamespace AND p.proname = :name
    """
)


def statements(package: str, name: str) -> list[str]:
    """Return the statements of `<package>/sql/<name>.sql`, one per function.

    A function ends with a line `$$;`: the driver takes one statement at a time.
    """
    text = files(package).joinpath("sql", f"{name}.sql").read_text()
    return [part + END for part in text.split(END) if part.strip()]


def make_all_anew(op: ModuleType | Operations, down_revision: str) -> None:
    """Make every function of the revisions up to this one anew, from the text of today.

    `op` is Alembic's. A function of another owner stays as it is.
    """
    # One may call another whose parameters are still the old ones.
    op.execute("SET LOCAL check_function_bodies = off")
    script = ScriptDirectory(str(migrations.location()))
    for step in reversed([*script.walk_revisions("base", down_revision)]):
        for package, name in getattr(step.module, "SOURCES", []):
            for statement in statements(package, name):
                _make_anew(op, statement)


def _make_anew(op: ModuleType | Operations, statement: str) -> None:
    """Replace a function, whatever its parameters were."""
    name = statement.partition(_HEAD)[2].partition("(")[0]
    present = op.get_bind().execute(_PRESENT, {"name": name}).all()
    if not all(row.is_ours for row in present):
        return
    for row in present:
        # What a trigger calls has no parameters to change.
        if not row.is_trigger:
            op.execute(f"DROP FUNCTION {row.signature}")
    anew = statement.replace(_HEAD, "CREATE OR REPLACE FUNCTION placet.", 1)
    op.execute(anew.replace(":", "\\:"))
