"""An application of its own on a database of its own, and what statements read there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
from tests.conftest import found
from tests.replay.desk import Desk, Worker
from tests.server.conftest import started

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database

SHORT: Final = 3_000
"""How many sessions of one call there are where sessions are mostly short."""

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
OTHERS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@asynccontextmanager
async def serving(
    url: str, folder: Path, ids: Ids, known: Desk | None = None
) -> AsyncIterator[tuple[Desk, Runtime]]:
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
        yield desk, app.state[Runtime.__name__]


async def read_so_far(admin: "asyncpg.Connection[Any]", desk: Desk | None = None) -> int:
    """Return how many entries of indexes, and rows of tables, were ever read of all sessions.

    Without a desk everybody else has gone, and has told of all that they read.
    """
    if desk is not None:
        await desk.db.hot.rows(FLUSH)
    while desk is None and await admin.fetchval(OTHERS):
        pass
    await admin.execute(FLUSH)
    await admin.execute("SELECT pg_stat_clear_snapshot()")
    return int(await admin.fetchval(READ)) + int(await admin.fetchval(SCANNED))


async def multiply(admin: "asyncpg.Connection[Any]", session: UUID, copies: int = SHORT) -> None:
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
