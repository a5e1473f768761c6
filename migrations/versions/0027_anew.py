"""Every function anew, and unique keys that no search of one session's rows can take for its own.

A database that stood at an earlier revision runs the text of today from here on.

A table's unique key began with tenant and session, as its primary key does. Where sessions are
mostly short, Postgres takes both for equally good, and a search for one row of a long session then
reads all of that session. A key that names the session later is never as good.
"""

import sqlalchemy as sa
from alembic import op

from placet.storage.functions import make_all_anew

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

SOURCES: list[tuple[str, str]] = []
UNIQUE = sa.text(
    """
    SELECT c.conname FROM pg_catalog.pg_constraint AS c
    WHERE c.conrelid = CAST(:table AS regclass) AND c.contype = 'u'
    """
)
KEYS = {
    "replay_prepared_request": (
        ["tenant_id", "session_id", "request_seq"],
        ["tenant_id", "request_seq", "session_id"],
    ),
    "replay_pending_call": (
        ["tenant_id", "session_id", "prepared_request_id", "ordinal"],
        ["tenant_id", "prepared_request_id", "session_id", "ordinal"],
    ),
    "replay_execution_receipt": (
        ["tenant_id", "session_id", "pending_call_id", "idempotency_key"],
        ["tenant_id", "pending_call_id", "session_id", "idempotency_key"],
    ),
}


def upgrade() -> None:
    """Put other keys in place of these, and make every function anew."""
    for table, (_, columns) in KEYS.items():
        _replace_key(table, columns)
    make_all_anew(op, down_revision)


def downgrade() -> None:
    """Put the former keys back. The functions stay as they are."""
    for table, (columns, _) in KEYS.items():
        _replace_key(table, columns)


def _replace_key(table: str, columns: list[str]) -> None:
    (old,) = op.get_bind().execute(UNIQUE, {"table": f"placet.{table}"}).scalars()
    op.drop_constraint(op.f(old), table, type_="unique", schema="placet")
    name = op.f(f"{table}_{'_'.join(columns)}_key")
    op.create_unique_constraint(name, table, columns, schema="placet")
