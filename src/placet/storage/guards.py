"""Who may do what to a table: the statements that a migration runs over its tables.

Frozen once released, since migrations that ran call it.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Operations(Protocol):
    """What Alembic gives a migration to speak with."""

    def execute(self, sql: str) -> None:
        """Run one statement."""
        ...


TENANT_FUNCTION = """
CREATE FUNCTION placet.tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('placet.tenant', true), '')::uuid $$
"""

APPEND_ONLY_FUNCTION = """
CREATE FUNCTION placet.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% refused: its rows are never changed', tg_op, tg_table_schema,
        tg_table_name USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def create_foundations(op: Operations) -> None:
    """Create the functions that policies and triggers name."""
    op.execute(TENANT_FUNCTION)
    op.execute(APPEND_ONLY_FUNCTION)


def drop_foundations(op: Operations) -> None:
    """Drop what `create_foundations` made, once no table names it."""
    op.execute("DROP FUNCTION placet.tenant()")
    op.execute("DROP FUNCTION placet.refuse_change()")


def force_tenancy(op: Operations, tables: Sequence[str]) -> None:
    """Force row-level security: each statement sees and writes the set tenant's rows only."""
    for name in tables:
        op.execute(f"ALTER TABLE placet.{name} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE placet.{name} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant_all ON placet.{name}"
            " USING (tenant_id = (SELECT placet.tenant()))"
            " WITH CHECK (tenant_id = (SELECT placet.tenant()))"
        )


def forbid_change(op: Operations, tables: Sequence[str]) -> None:
    """Refuse UPDATE, DELETE and TRUNCATE by trigger, for every role and in replica mode too."""
    for name in tables:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON placet.{name}"
            " FOR EACH ROW EXECUTE FUNCTION placet.refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER append_only_all BEFORE TRUNCATE ON placet.{name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION placet.refuse_change()"
        )
        for trigger in ("append_only", "append_only_all"):
            op.execute(f"ALTER TABLE placet.{name} ENABLE ALWAYS TRIGGER {trigger}")


def grant_app(
    op: Operations,
    tables: Sequence[str],
    updates: Mapping[str, Sequence[str]],
    deletes: Sequence[str],
) -> None:
    """Grant the application what it needs and no more: UPDATE column by column."""
    for name in tables:
        op.execute(f"GRANT SELECT, INSERT ON placet.{name} TO placet_app")
        op.execute(f"GRANT SELECT ON placet.{name} TO placet_auditor, placet_backup")
    for name, columns in updates.items():
        op.execute(f"GRANT UPDATE ({', '.join(columns)}) ON placet.{name} TO placet_app")
    for name in deletes:
        op.execute(f"GRANT DELETE ON placet.{name} TO placet_app")


def hide(op: Operations, tables: Sequence[str]) -> None:
    """Take every grant away: only DEFINER functions reach these tables."""
    for name in tables:
        op.execute(f"REVOKE ALL ON placet.{name} FROM placet_app, placet_auditor, placet_migrator")
        op.execute(f"GRANT SELECT ON placet.{name} TO placet_backup")
