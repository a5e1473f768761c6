"""The database itself keeps tenants apart, whatever a statement forgets to ask."""

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from tests.conftest import Server
from tests.storage import catalog
from tests.storage.catalog import NO_TENANTS, TENANT_A, TENANT_B

from placet.kernel.principal import Principal
from placet.schema import METADATA
from placet.storage.database import Database

# Functions that run as their owner, and why they must.
DEFINER = {
    "after_erasure_v1": "holds a stream, which the application may not",
    "answer_named_v1": "notes what an answer names, which the application may not",
    "authenticate_v1": "reads key hashes before the tenant is known",
    "checkpoints_newest_v1": "looks at every tenant's log, one at a time",
    "event_erase_v1": "erases bodies, which the application itself may not",
    "impact_named_v1": "notes what a preview shows, which the application may not",
    "keep_api_key_v1": "writes a key's hash",
    "log_begin_v1": "writes what is due",
    "log_turns_v1": "reads what is due, and looks at every tenant's log, one at a time",
    "outbox_clear_v1": "removes what is due",
    "outbox_take_v1": "reads what is due, over all tenants",
    "stream_closed_v1": "notes what closed, which the application may not",
    "storage_epoch_read_v1": "reads the one row of the epoch, which is no tenant's",
    "storage_epoch_v1": "reads the one row of the epoch, which is no tenant's",
    "work_due_done_v1": "removes what is due",
    "work_due_put_v1": "writes what is due",
    "work_due_take_v1": "reads what is due, over all tenants",
}

ROUND_TRIPS = 8
POLICY = "(tenant_id = ( SELECT placet.tenant() AS tenant))"
SETTING = "SELECT coalesce(current_setting('placet.tenant', true), '') AS tenant"


def deletable() -> set[str]:
    return {table.name for table in METADATA.sorted_tables if table.info["deletes"]}


def changeable() -> dict[str, str]:
    """Return one column that the application may update, for each table that has one."""
    return {
        table.name: table.info["updates"][0]
        for table in METADATA.sorted_tables
        if table.info["updates"] and table.info["app_reads"]
    }


async def tenant_tables(connection: "asyncpg.Connection[Any]") -> list[str]:
    return [name for name in await catalog.tables(connection) if name not in NO_TENANTS]


@pytest.fixture
async def app(server: Server, peopled: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """The application's role, in a transaction that is rolled back."""
    connection = await asyncpg.connect(server.url("placet_app", peopled))
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def enter(app: "asyncpg.Connection[Any]", tenant: UUID) -> None:
    await app.execute("SELECT set_config('placet.tenant', $1, true)", str(tenant))


async def attempt(app: "asyncpg.Connection[Any]", statement: str) -> str:
    """Run one statement and take it back. Returns what came of it, or the refusal's SQLSTATE."""
    savepoint = app.transaction()
    await savepoint.start()
    try:
        return await app.execute(statement)
    except asyncpg.PostgresError as refused:
        return str(refused.sqlstate)
    finally:
        await savepoint.rollback()


async def test_every_table_is_a_tenants_own_or_is_excused(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class"
        " WHERE relnamespace = 'placet'::regnamespace AND relkind IN ('r', 'p')"
        " AND relname <> 'alembic_version'"
    )
    assert {row["relname"] for row in rows if not row["forced"]} == set(NO_TENANTS)
    columns = await catalog.columns(admin)
    assert all(columns[row["relname"]][0][0] == "tenant_id" for row in rows if row["forced"])


async def test_every_policy_holds_for_what_is_seen_and_for_what_is_written(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch("SELECT * FROM pg_policies WHERE schemaname = 'placet'")
    assert sorted(row["tablename"] for row in rows) == await tenant_tables(admin)
    for row in rows:
        told = (row["permissive"], row["roles"], row["cmd"], row["qual"], row["with_check"])
        assert told == ("PERMISSIVE", ["public"], "ALL", POLICY, POLICY), row["tablename"]


async def test_functions_run_as_their_caller_or_are_excused_and_pin_their_search_path(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch(
        "SELECT proname, proconfig FROM pg_proc"
        " WHERE pronamespace = 'placet'::regnamespace AND prosecdef"
    )
    assert {row["proname"] for row in rows} == set(DEFINER)
    pins = [row["proconfig"] for row in rows]
    assert pins == [["search_path=pg_catalog, pg_temp"]] * len(DEFINER)


async def test_functions_are_the_applications_to_call_and_nobody_elses(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch(
        "SELECT p.proname, r.name FROM pg_proc AS p,"
        " unnest(ARRAY['public', 'placet_migrator', 'placet_auditor', 'placet_backup']) AS r(name)"
        " WHERE p.pronamespace = 'placet'::regnamespace"
        " AND has_function_privilege(r.name, p.oid, 'EXECUTE')"
    )
    assert [(row["proname"], row["name"]) for row in rows] == [("tenant", "placet_auditor")]


@pytest.mark.parametrize("had_one", [False, True], ids=["never had one", "had one before"])
async def test_without_a_tenant_every_table_is_empty_and_takes_nothing(
    server: Server, peopled: str, *, had_one: bool
) -> None:
    app = await asyncpg.connect(server.url("placet_app", peopled))
    if had_one:
        async with app.transaction():
            await enter(app, TENANT_A)
    for table in await tenant_tables(app):
        assert await app.fetchval(f"SELECT count(*) FROM placet.{table}") == 0, table  # noqa: S608 -- from the catalog
        row = await catalog.row_for(app, table, TENANT_A)
        assert await attempt(app, row) == "42501", table
    await app.close()


async def test_a_tenant_sees_its_own_rows_and_no_other(app: "asyncpg.Connection[Any]") -> None:
    await enter(app, TENANT_A)
    for table in await tenant_tables(app):
        seen = await app.fetch(f"SELECT tenant_id FROM placet.{table}")  # noqa: S608 -- from the catalog
        assert [row["tenant_id"] for row in seen] == [TENANT_A], table
        other = f"SELECT FROM placet.{table} WHERE tenant_id = '{TENANT_B}'"
        assert await app.fetch(other) == [], table


async def test_a_tenant_can_write_no_row_of_another(app: "asyncpg.Connection[Any]") -> None:
    await enter(app, TENANT_A)
    for table in await tenant_tables(app):
        row = await catalog.row_for(app, table, TENANT_B)
        assert await attempt(app, row) == "42501", table


async def test_a_change_that_forgets_its_where_meets_the_own_rows_alone(
    app: "asyncpg.Connection[Any]",
) -> None:
    await enter(app, TENANT_A)
    assert changeable()
    for table, column in changeable().items():
        everything = f"UPDATE placet.{table} SET {column} = {column}"  # noqa: S608 -- from the metadata
        assert await attempt(app, everything) == "UPDATE 1", table
        others = f"{everything} WHERE tenant_id = '{TENANT_B}'"
        assert await attempt(app, others) == "UPDATE 0", table
        moved = f"UPDATE placet.{table} SET tenant_id = '{TENANT_B}'"  # noqa: S608 -- from the metadata
        assert await attempt(app, moved) == "42501", table


async def test_a_delete_that_forgets_its_where_meets_the_own_rows_alone(
    app: "asyncpg.Connection[Any]",
) -> None:
    await enter(app, TENANT_A)
    assert deletable()
    for table in await tenant_tables(app):
        wanted = "DELETE 1" if table in deletable() else "42501"
        assert await attempt(app, f"DELETE FROM placet.{table}") == wanted, table  # noqa: S608 -- from the catalog


async def test_what_no_tenant_owns_is_out_of_the_applications_reach(
    app: "asyncpg.Connection[Any]",
) -> None:
    await enter(app, TENANT_A)
    for table in ("api_key_lookup", "work_due"):
        for statement in (
            f"SELECT FROM placet.{table}",
            f"DELETE FROM placet.{table}",  # noqa: S608 -- named above
            await catalog.row_for(app, table, TENANT_A),
        ):
            assert await attempt(app, statement) == "42501", statement


async def test_a_policy_holds_even_for_the_owner_of_the_tables(
    server: Server, peopled: str
) -> None:
    connection = await asyncpg.connect(server.url("placet_migrator", peopled))
    await connection.execute("SET ROLE placet_owner")
    for table in await tenant_tables(connection):
        assert await connection.fetchval(f"SELECT count(*) FROM placet.{table}") == 0, table  # noqa: S608 -- from the catalog
    await connection.close()


async def test_the_tenant_of_a_transaction_never_outlives_it(
    database_url: str, tenant: Principal
) -> None:
    # Few connections, so that each is used again and again, and is left at every place there is.
    db = await Database.open(database_url, pool_size=2)
    engine = db._engine  # noqa: SLF001 -- no way in production leads to a connection without a tenant
    for _ in ("until every connection is open", "and then"):
        finished = await asyncio.create_task(cut_off(work(db, tenant), at=None))
    assert finished > ROUND_TRIPS
    cut = 0
    for reuse in range(200):
        task = asyncio.create_task(cut_off(work(db, tenant), at=reuse % finished + 1))
        try:
            await task
        except asyncio.CancelledError:
            cut += 1
        async with engine.connect() as connection:
            found = (await connection.execute(sa.text(SETTING))).one()
            assert found.tenant == "", f"cut off at wait {reuse % finished + 1}"
        [row] = await db.hot.rows(SETTING)
        assert row["tenant"] == "", f"cut off at wait {reuse % finished + 1}"
    await db.close()
    assert cut == 200


async def work(db: Database, tenant: Principal) -> None:
    """Call a hot function, read and write, each of which sets the tenant."""
    answer = await db.hot.call(
        "SELECT * FROM placet.authenticate_v1($1, $2)", tenant.key_id, tenant.secret_hash
    )
    assert answer["code"] == "ok"
    async with db.reading(tenant) as tx:
        await tx.now()
    async with db.writing(tenant) as tx:
        await tx.now()


async def cut_off(work: Coroutine[Any, Any, None], at: int | None) -> int:
    """Run some work, and cancel the task that runs it when it waits for the `at`-th time.

    Returns how often it waited, where nothing cut it off.
    """
    return await driven(work, at)


@types.coroutine
def driven(work: Coroutine[Any, Any, None], at: int | None) -> Generator[Any, Any, int]:
    """Do what an event loop does with some work, one wait at a time."""
    waits = 0
    step: Callable[[], Any] = partial(work.send, None)
    while True:
        try:
            waiting_for = step()
        except StopIteration:
            return waits
        waits += 1
        if waits == at:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        try:
            step = partial(work.send, (yield waiting_for))
        except asyncio.CancelledError as cut:
            step = partial(work.throw, cut)
