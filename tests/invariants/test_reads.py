"""What a governed call reads does not grow with its session, whatever statistics say of others."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
from tests.conftest import Server, found
from tests.replay.desk import Desk, Worker
from tests.server.conftest import started

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database

SHORT: Final = 3_000
LONG: Final = 60
LAST: Final = 10
READ: Final = """
SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes
WHERE schemaname = 'placet' AND relname LIKE 'replay\\_%'
"""
SCANNED: Final = """
SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables
WHERE schemaname = 'placet' AND relname LIKE 'replay\\_%'
"""
TABLES: Final = (
    "replay_session",
    "replay_prepared_request",
    "replay_pending_call",
    "replay_execution_receipt",
)
COLUMNS: Final = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'placet' AND table_name = $1
"""
IDS: Final = {
    "session_id": "copy.session_id",
    "prepared_request_id": "copy.prepared_request_id",
    "call_id": "copy.call_id",
    "pending_call_id": "copy.call_id",
    "receipt_id": "copy.receipt_id",
}
FLUSH: Final = "SELECT pg_stat_force_next_flush()"


@asynccontextmanager
async def serving(
    url: str, folder: Path, ids: Ids, known: Desk | None = None
) -> AsyncIterator[Desk]:
    """Yield a refund desk on an application of its own, whose connections are all new."""
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(started(create_app(Settings(data_dir=folder), url)))
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://placet.test")
        )
        db = app.state[Database.__name__]
        desk = Desk(client, db, ids, await found(db, ids)) if known is None else known
        if known is None:
            await desk.approve(app.state[ServerKeys.__name__])
        desk.client, desk.db = client, db
        yield desk


async def multiply(admin: "asyncpg.Connection[Any]", session: UUID, copies: int) -> None:
    """Copy a session and its one call, so many times, under new ids; and let Postgres know."""
    await admin.execute("SET session_replication_role = replica")
    new = ", ".join(f"gen_random_uuid() AS {name}" for name in IDS if name != "pending_call_id")
    made = f"CREATE TEMPORARY TABLE copy AS SELECT {new} FROM generate_series(1, {copies})"  # noqa: S608 -- ours
    await admin.execute(made)
    for table in TABLES:
        columns = [row["column_name"] for row in await admin.fetch(COLUMNS, table)]
        taken = ", ".join(IDS.get(name, f"r.{name}") for name in columns)
        await admin.execute(
            f"INSERT INTO placet.{table} ({', '.join(columns)})"  # noqa: S608 -- names of the catalogue
            f" SELECT {taken} FROM copy, placet.{table} AS r WHERE r.session_id = $1",
            session,
        )
    await admin.execute("RESET session_replication_role")
    await admin.execute("ANALYZE")


async def call(worker: Worker, calls: int = 1) -> None:
    """Take so many calls from preflight to commit."""
    for _ in range(calls):
        (one,) = await worker.propose(("note", {"text": "called back"}))
        assert (await worker.report(one))["commit_state"] == "committed"


async def test_late_calls_of_a_long_session_read_no_more_than_early_ones(
    fresh_database_url: str, server: Server, ids: Ids, tmp_path: Path
) -> None:
    admin = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path[1:]))

    async def read(desk: Desk) -> int:
        await desk.db.hot.rows(FLUSH)
        await admin.execute("SELECT pg_stat_clear_snapshot()")
        return int(await admin.fetchval(READ)) + int(await admin.fetchval(SCANNED))

    async with serving(fresh_database_url, tmp_path, ids) as desk:
        short = await desk.worker()
        await call(short)
    # As far as Postgres knows, a session has one call.
    await multiply(admin, short.session_id, SHORT)
    async with serving(fresh_database_url, tmp_path, ids, desk) as desk:
        worker = await desk.worker(ttl_seconds=60)
        await call(worker, LAST)
        first = await read(desk)
        await call(worker, LAST)
        early = await read(desk) - first
        await call(worker, LONG)
        first = await read(desk)
        await call(worker, LAST)
        late = await read(desk) - first
    await admin.close()
    assert early > 0
    assert late == early
