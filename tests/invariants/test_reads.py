"""What a governed call and a sweep read does not grow with a session, whatever statistics say."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.conftest import Server
from tests.invariants.reads import COLUMNS, call, multiply, read_so_far, serving
from tests.replay.desk import Desk, Worker

from placet.kernel.ids import Ids
from placet.replay.calls import sweep
from placet.replay.calls.runtime import Runtime
from placet.storage.work import SWEEP_SESSION, WorkDue

LONG: Final = 60
LAST: Final = 10
BATCH: Final = 8
OPEN: Final = 1_000
BECAME: Final = """
UPDATE placet.replay_pending_call SET status = 'unknown', execution_state = 'unknown'
WHERE session_id = $1 AND call_id IN (
    SELECT call_id FROM placet.replay_pending_call
    WHERE session_id = $1 AND status = 'granted' ORDER BY grant_expires_at LIMIT $2)
"""
OVERDUE: Final = """
UPDATE placet.replay_pending_call SET grant_expires_at = grant_expires_at - interval '1 hour';
UPDATE placet.replay_session SET next_due_at = '-infinity'
"""
FRESH: Final = {
    "prepared_request_id": "gen_random_uuid()",
    "call_id": "gen_random_uuid()",
    "pending_call_id": "gen_random_uuid()",
    "receipt_id": "gen_random_uuid()",
    "grant_expires_at": "r.grant_expires_at + n * interval '1 ms'",
}


@pytest.fixture
async def admin(
    fresh_database_url: str, server: Server
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection that may do everything to the test's own database."""
    connection = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path[1:]))
    yield connection
    await connection.close()


async def test_late_calls_of_a_long_session_read_no_more_than_early_ones(
    fresh_database_url: str, admin: "asyncpg.Connection[Any]", ids: Ids, tmp_path: Path
) -> None:
    async with serving(fresh_database_url, tmp_path, ids) as (desk, _):
        short = await desk.worker()
        await call(short)
    # As far as Postgres knows, a session has one call.
    await multiply(admin, short.session_id)
    async with serving(fresh_database_url, tmp_path, ids, desk) as (desk, _):
        worker = await desk.worker(ttl_seconds=60)
        await call(worker, LAST)
        early = await read_by_calls(admin, desk, worker)
        await call(worker, LONG)
        late = await read_by_calls(admin, desk, worker)
    assert early > 0
    assert late == early


async def read_by_calls(admin: "asyncpg.Connection[Any]", desk: Desk, worker: Worker) -> int:
    """Return what some calls read: the least of three, as others may read meanwhile."""
    reads = []
    for _ in range(3):
        first = await read_so_far(admin, desk)
        await call(worker, LAST)
        reads.append(await read_so_far(admin, desk) - first)
    return min(reads)


async def copy(admin: "asyncpg.Connection[Any]", table: str, worker: Worker, number: int) -> None:
    """Copy what a session has in a table, so many times, within that session."""
    columns = [row["column_name"] for row in await admin.fetch(COLUMNS, table)]
    taken = ", ".join(FRESH.get(name, f"r.{name}") for name in columns)
    await admin.execute("SET session_replication_role = replica")
    await admin.execute(
        f"INSERT INTO placet.{table} ({', '.join(columns)})"  # noqa: S608 -- names of the catalogue
        f" SELECT {taken} FROM placet.{table} AS r, generate_series(1, $2) AS n"
        " WHERE r.session_id = $1",
        worker.session_id,
        number,
    )
    await admin.execute("RESET session_replication_role")


async def with_open_calls(admin: "asyncpg.Connection[Any]", desk: Desk, number: int) -> Worker:
    """Return a worker whose session has so many open calls, half of them unknown, and receipts."""
    worker = await desk.worker()
    await call(worker)
    await worker.propose(("note", {"text": "called back"}))
    await copy(admin, "replay_pending_call", worker, number)
    await copy(admin, "replay_execution_receipt", worker, number)
    await admin.execute(BECAME, worker.session_id, number // 2)
    return worker


async def sweep_once(desk: Desk, runtime: Runtime, worker: Worker) -> None:
    """Sweep a session."""
    work = WorkDue(
        tenant_id=desk.workplace.tenant_id,
        kind=SWEEP_SESSION,
        ref=worker.session_id,
        due_at=runtime.now(),
    )
    assert await sweep.sweep_session(runtime, work) == "ok"


async def test_a_sweep_reads_no_more_of_a_session_the_more_calls_it_leaves_open(
    fresh_database_url: str,
    admin: "asyncpg.Connection[Any]",
    ids: Ids,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "OVERDUE_MAX", BATCH)
    async with serving(fresh_database_url, tmp_path, ids) as (desk, _):
        short = await desk.worker()
        await call(short)
    await multiply(admin, short.session_id)
    async with serving(fresh_database_url, tmp_path, ids, desk) as (desk, runtime):
        few = await with_open_calls(admin, desk, 4 * BATCH)
        many = await with_open_calls(admin, desk, OPEN)
        await admin.execute(OVERDUE)
        for worker in (few, many):
            await sweep_once(desk, runtime, worker)
    read = [await read_so_far(admin)]
    for worker in (few, many):
        async with serving(fresh_database_url, tmp_path, ids, desk) as (desk, runtime):
            await sweep_once(desk, runtime, worker)
        read.append(await read_so_far(admin))
    became = await admin.fetch(
        "SELECT status, count(*) FROM placet.replay_pending_call WHERE session_id = $1"
        " AND status <> 'settled' GROUP BY status",
        many.session_id,
    )
    left = OPEN // 2 + 1 - 2 * BATCH
    assert dict(became) == {
        "granted": left,
        "unknown": OPEN + 1 - left,
    }
    assert read[1] > read[0]
    assert read[2] - read[1] <= 2 * (read[1] - read[0])
