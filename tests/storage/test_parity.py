"""What our code believes of the database is what the database says of itself."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import asyncpg
import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from tests.conftest import Server
from tests.storage import catalog

from placet.schema import METADATA

TABLES = {table.name: table for table in METADATA.sorted_tables}
KINDS = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    bool: "boolean",
    bytes: "bytea",
    datetime: "timestamp with time zone",
    Decimal: "numeric",
}
LITERAL = re.compile(r"'((?:[^']|'')*)'::text")


def bare(hint: Any) -> tuple[Any, bool]:  # noqa: ANN401 -- type forms have no common type
    """Return what a field holds, and whether it may be absent."""
    if get_origin(hint) is Annotated:
        return bare(get_args(hint)[0])
    if hasattr(hint, "__supertype__"):
        return bare(hint.__supertype__)
    if get_origin(hint) in {Union, UnionType} and type(None) in get_args(hint):
        rest = [part for part in get_args(hint) if part is not type(None)]
        return (bare(rest[0])[0] if len(rest) == 1 else rest), True
    return hint, False


def fields(table: sa.Table) -> dict[str, tuple[Any, bool]]:
    struct: type[msgspec.Struct] = table.info["struct"]
    hints = get_type_hints(struct, include_extras=True)
    return {name: bare(hints[name]) for name in struct.__struct_fields__}


def kind_of(held: Any) -> str:  # noqa: ANN401 -- type forms have no common type
    if isinstance(held, type) and issubclass(held, StrEnum):
        return "text"
    return KINDS.get(held, "jsonb") if isinstance(held, type) else "jsonb"


async def test_every_table_of_the_database_is_one_of_ours(
    admin: "asyncpg.Connection[Any]",
) -> None:
    assert await catalog.tables(admin) == sorted(TABLES)


async def test_nothing_stands_beside_the_tables(admin: "asyncpg.Connection[Any]") -> None:
    others = await admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'placet'::regnamespace"
        " AND relkind NOT IN ('r', 'i')"
    )
    assert others == []


async def test_every_field_is_a_column_of_its_type_and_optional_where_it_may_be_absent(
    admin: "asyncpg.Connection[Any]",
) -> None:
    in_database = await catalog.columns(admin)
    told = {
        name: [
            (field, kind_of(held), not optional, None)
            for field, (held, optional) in fields(table).items()
        ]
        for name, table in TABLES.items()
    }
    assert in_database == told


async def test_every_enum_is_the_check_of_its_column(admin: "asyncpg.Connection[Any]") -> None:
    in_database = {
        (table, name): LITERAL.findall(text)
        for table, name, text in await catalog.constraints(admin)
        if name.endswith("_known")
    }
    told = {
        (name, f"{name}_{field}_known"): [member.value for member in held]
        for name, table in TABLES.items()
        for field, (held, _) in fields(table).items()
        if isinstance(held, type) and issubclass(held, StrEnum)
    }
    assert in_database == told


async def test_every_key_and_reference_begins_with_the_tenant(
    admin: "asyncpg.Connection[Any]",
) -> None:
    keys = await admin.fetch(
        """
        SELECT r.relname, c.conname,
               (SELECT attname FROM pg_attribute
                WHERE attrelid = c.conrelid AND attnum = c.conkey[1]) AS first,
               (SELECT attname FROM pg_attribute
                WHERE attrelid = c.confrelid AND attnum = c.confkey[1]) AS refers_to
        FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
        WHERE c.connamespace = 'placet'::regnamespace AND c.contype IN ('p', 'u', 'f', 'x')
          AND r.relname <> 'alembic_version'
        """
    )
    assert keys
    late = {
        key["relname"]
        for key in keys
        if key["first"] != "tenant_id" or key["refers_to"] not in {None, "tenant_id"}
    }
    assert late == {
        "api_key_lookup",
        "authority_server_key",
        "authority_server_key_end",
        "authority_server_key_rotation",
        "storage_epoch",
    }


async def test_every_unique_index_begins_with_the_tenant(admin: "asyncpg.Connection[Any]") -> None:
    rows = await admin.fetch(
        """
        SELECT r.relname FROM pg_index AS i JOIN pg_class AS r ON r.oid = i.indrelid
        JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = i.indkey[0]
        WHERE r.relnamespace = 'placet'::regnamespace AND i.indisunique
          AND a.attname <> 'tenant_id' AND r.relname <> 'alembic_version'
        """
    )
    assert {row["relname"] for row in rows} == {
        "api_key_lookup",
        "authority_server_key",
        "authority_server_key_end",
        "authority_server_key_rotation",
        "storage_epoch",
    }


@pytest.fixture(scope="module")
async def scratch(server: Server, database_name: str) -> dict[str, Any]:
    """What Postgres says of the tables when they are made from the metadata alone."""
    plain = sa.MetaData(schema="scratch", naming_convention=METADATA.naming_convention)
    for table in METADATA.sorted_tables:
        table.to_metadata(plain, schema="scratch")
    url = server.admin(database_name).replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url.partition("?")[0], poolclass=sa.NullPool)
    async with engine.connect() as connection:
        transaction = await connection.begin()
        await connection.execute(sa.text("CREATE SCHEMA scratch"))
        await connection.run_sync(plain.create_all)
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        said = {
            "columns": await catalog.columns(raw, "scratch"),
            "constraints": await catalog.constraints(raw, "scratch"),
            "indexes": await catalog.indexes(raw, "scratch"),
            "options": await catalog.options(raw, "scratch"),
        }
        await transaction.rollback()
    await engine.dispose()
    return said


@pytest.mark.parametrize("what", ["columns", "constraints", "indexes", "options"])
async def test_migrations_lead_to_what_the_metadata_says(
    admin: "asyncpg.Connection[Any]", scratch: dict[str, Any], what: str
) -> None:
    assert scratch["columns"], "the scratch schema holds tables"
    assert await getattr(catalog, what)(admin) == scratch[what]


async def test_the_app_may_do_to_each_column_what_its_table_says(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch(
        """
        SELECT r.relname, a.attname,
               has_column_privilege('placet_app', r.oid, a.attnum, 'SELECT') AS reads,
               has_column_privilege('placet_app', r.oid, a.attnum, 'INSERT') AS inserts,
               has_column_privilege('placet_app', r.oid, a.attnum, 'UPDATE') AS updates
        FROM pg_class AS r
        JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE r.relnamespace = 'placet'::regnamespace AND r.relkind = 'r'
          AND r.relname <> 'alembic_version'
        """
    )
    granted = {
        (row["relname"], row["attname"]): (row["reads"], row["inserts"], row["updates"])
        for row in rows
    }
    told = {
        (name, column.name): (
            table.info["app_reads"],
            table.info["app_inserts"],
            column.name in table.info["updates"],
        )
        for name, table in TABLES.items()
        for column in table.columns
    }
    assert granted == told


@pytest.mark.parametrize(
    "privilege", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
)
@pytest.mark.parametrize(
    "role", ["placet_app", "placet_auditor", "placet_migrator", "placet_backup", "public"]
)
async def test_each_role_has_the_grants_that_the_design_gives_it(
    admin: "asyncpg.Connection[Any]", privilege: str, role: str
) -> None:
    seen = {name for name, table in TABLES.items() if table.info["app_reads"]}
    given = {
        ("placet_app", "SELECT"): seen,
        ("placet_app", "INSERT"): {n for n in seen if TABLES[n].info["app_inserts"]},
        ("placet_app", "DELETE"): {n for n, table in TABLES.items() if table.info["deletes"]},
        ("placet_auditor", "SELECT"): seen,
        ("placet_migrator", "SELECT"): seen,
        ("placet_migrator", "INSERT"): seen,
        ("placet_migrator", "UPDATE"): seen,
        ("placet_backup", "SELECT"): set(TABLES),
    }
    rows = await admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'placet'::regnamespace"
        " AND relkind = 'r' AND relname <> 'alembic_version'"
        " AND has_table_privilege($1, oid, $2)",
        role,
        privilege,
    )
    assert {row["relname"] for row in rows} == given.get((role, privilege), set())


async def test_everything_belongs_to_the_owner_and_key_functions_to_their_own_role(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch(
        "SELECT relname AS name, relowner::regrole::text AS owner FROM pg_class"
        " WHERE relnamespace = 'placet'::regnamespace"
        " UNION ALL SELECT proname, proowner::regrole::text FROM pg_proc"
        " WHERE pronamespace = 'placet'::regnamespace"
    )
    others = {row["name"]: row["owner"] for row in rows if row["owner"] != "placet_owner"}
    assert others == {"authenticate_v1": "placet_auth", "keep_api_key_v1": "placet_auth"}
