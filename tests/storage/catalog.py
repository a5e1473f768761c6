"""Questions to the database's own catalog: what is there, whatever our code believes."""

from typing import Any, Final
from uuid import UUID

import asyncpg

TENANT_A: Final = UUID(int=0xA)
TENANT_B: Final = UUID(int=0xB)

# Tables that no tenant owns, and why.
NO_TENANTS: Final = {
    "api_key_lookup": "read before the tenant is known",
    "authority_server_key": "the service's own public keys, the same for every tenant",
    "authority_server_key_end": "which of these keys ended, for every tenant",
    "authority_server_key_rotation": "which of these keys took over from which",
    "storage_epoch": "for which server the restore epoch was raised",
    "work_due": "what workers take next, over all tenants",
}

# What stands in a column of each type in a row that means nothing.
ANYTHING: Final = {
    "uuid": "'00000000-0000-0000-0000-000000000001'::uuid",
    "text": "'x'",
    "bigint": "1",
    "boolean": "true",
    "bytea": "'\\x00'::bytea",
    "numeric": "1",
    "timestamp with time zone": "'2026-01-01T00:00:00Z'::timestamptz",
    "jsonb": "'[]'::jsonb",
}


# An erasure is of another stream than every other row, so that none of them is one that was erased.
OTHERWISE: Final = {("audit_erasure", "stream_id"): "'00000000-0000-0000-0000-000000000002'::uuid"}


async def tables(connection: "asyncpg.Connection[Any]") -> list[str]:
    """Return every table of our schema, Alembic's own aside."""
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'placet'::regnamespace"
        " AND relkind IN ('r', 'p') AND relname <> 'alembic_version' ORDER BY relname"
    )
    return [row["relname"] for row in rows]


async def columns(
    connection: "asyncpg.Connection[Any]", schema: str = "placet"
) -> dict[str, list[tuple[str, str, bool, str | None]]]:
    """Return each table's columns: name, type, whether it must be there, default."""
    rows = await connection.fetch(
        """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid) AS initial
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p')
          AND c.relname <> 'alembic_version'
        ORDER BY c.relname, a.attnum
        """,
        schema,
    )
    found: dict[str, list[tuple[str, str, bool, str | None]]] = {}
    for row in rows:
        found.setdefault(row["relname"], []).append(
            (row["attname"], row["type"], row["attnotnull"], row["initial"])
        )
    return found


async def constraints(
    connection: "asyncpg.Connection[Any]", schema: str = "placet"
) -> set[tuple[str, str, str]]:
    """Return every constraint: table, name, and its text as Postgres writes it."""
    rows = await connection.fetch(
        """
        SELECT r.relname, c.conname, pg_get_constraintdef(c.oid) AS text
        FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
        WHERE c.connamespace = $1::regnamespace AND c.contype <> 'n'
          AND r.relname <> 'alembic_version'
        """,
        schema,
    )
    return {(row["relname"], row["conname"], row["text"].replace(f"{schema}.", "")) for row in rows}


async def indexes(
    connection: "asyncpg.Connection[Any]", schema: str = "placet"
) -> set[tuple[str, str]]:
    """Return every index: table, and its text as Postgres writes it."""
    rows = await connection.fetch(
        "SELECT tablename, indexdef FROM pg_indexes"
        " WHERE schemaname = $1 AND tablename <> 'alembic_version'",
        schema,
    )
    return {(row["tablename"], row["indexdef"].replace(f"{schema}.", "")) for row in rows}


async def options(
    connection: "asyncpg.Connection[Any]", schema: str = "placet"
) -> dict[str, list[str]]:
    """Return each table's storage options."""
    rows = await connection.fetch(
        "SELECT relname, coalesce(reloptions, '{}') AS options FROM pg_class"
        " WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'",
        schema,
    )
    return {row["relname"]: list(row["options"]) for row in rows}


async def row_for(
    connection: "asyncpg.Connection[Any]", table: str, tenant: UUID, into: str = "INSERT INTO"
) -> str:
    """Return the statement that writes a row of a tenant which means nothing."""
    told = {name: ANYTHING[kind] for name, kind, _, _ in (await columns(connection))[table]}
    if "tenant_id" in told:
        told["tenant_id"] = f"'{tenant}'::uuid"
    told |= {name: other for (named, name), other in OTHERWISE.items() if named == table}
    return f"{into} placet.{table} ({', '.join(told)}) VALUES ({', '.join(told.values())})"


async def people(connection: "asyncpg.Connection[Any]") -> None:
    """Write one such row of each of two tenants into every table, as a superuser.

    Rows that mean nothing fit no CHECK, no foreign key and no trigger that looks at what is
    inserted, so those are dropped, or not asked.
    """
    watchers = await connection.fetch(
        "SELECT tgrelid::regclass::text AS relation, tgname FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgtype & 4 <> 0"
    )
    for row in watchers:
        await connection.execute(f'DROP TRIGGER "{row["tgname"]}" ON {row["relation"]}')
    rows = await connection.fetch(
        "SELECT conrelid::regclass::text AS relation, conname FROM pg_constraint"
        " WHERE connamespace = 'placet'::regnamespace AND contype = 'c'"
    )
    for row in rows:
        await connection.execute(
            f'ALTER TABLE {row["relation"]} DROP CONSTRAINT "{row["conname"]}"'
        )
    await connection.execute("SET session_replication_role = replica")
    for table in await tables(connection):
        # A table of one row has its row from the beginning.
        if await connection.fetchval(f"SELECT count(*) FROM placet.{table}"):  # noqa: S608 -- ours
            continue
        await connection.execute(await row_for(connection, table, TENANT_A))
        if table not in NO_TENANTS:
            await connection.execute(await row_for(connection, table, TENANT_B))
    await connection.execute("RESET session_replication_role")
