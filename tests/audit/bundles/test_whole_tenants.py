"""A bundle of a whole tenant has an event for each entry of its log, whoever writes meanwhile."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from litestar import Litestar
from tests.audit.bundles.taking import Auditor, auditor_of, closed, streams_in, worked
from tests.conftest import Server
from tests.replay.desk import Desk

from placet.audit.bundles.streams import heads_in_log
from placet.authority.checkpoints.model import Checkpoint
from placet.authority.checkpoints.service import make_checkpoint
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.evidence.verify import verify_bundle
from placet.kernel.value import Value

WAITS = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))
"""


class PolicyNoted(Value, frozen=True):
    """An event of people that no verifier reads."""

    n: int


@pytest.fixture
async def auditor(desk: Desk) -> Auditor:
    """An auditor of the desk's tenant."""
    return await auditor_of(desk)


async def test_each_entry_of_the_log_is_an_event_of_the_bundle(
    desk: Desk, auditor: Auditor
) -> None:
    await closed(desk)
    report = verify_bundle(io.BytesIO(await auditor.bytes_of()))
    assert report.flaw is None
    assert report.events == report.logged == report.log_size
    assert any("all of the log" in one for one in report.proved)


async def test_so_it_is_while_sessions_open_write_and_end(desk: Desk, auditor: Auditor) -> None:
    done = asyncio.Event()

    async def work() -> None:
        while not done.is_set():
            await worked(desk)
            await closed(desk)

    at_work = [asyncio.create_task(work()) for _ in range(3)]
    try:
        counted = []
        for _ in range(3):
            lines = await auditor.take()
            counted.append(sum(streams_in(lines).values()))
    finally:
        done.set()
        await asyncio.gather(*at_work)
    assert counted == sorted(set(counted))


async def test_people_who_change_what_calls_rest_on_keep_no_export_waiting(
    desk: Desk, auditor: Auditor
) -> None:
    await worked(desk)
    done = asyncio.Event()

    async def write() -> None:
        while not done.is_set():
            async with desk.db.writing(desk.workplace.founder) as tx:
                stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
                said = [new_event(desk.ids, PolicyNoted(n=1)) for _ in range(3)]
                await append(tx, stream, StreamKind.AUTHORITY, said)

    at_work = asyncio.create_task(write())
    try:
        for _ in range(6):
            await auditor.take()
    finally:
        done.set()
        await at_work


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


async def entered(desk: Desk, app: Litestar) -> Checkpoint:
    """Put what waits into the log."""
    keys: ServerKeys = app.state[ServerKeys.__name__]
    return await make_checkpoint(desk.db, desk.workplace.founder, keys, desk.ids)


@asynccontextmanager
async def overtaken(desk: Desk) -> AsyncIterator[None]:
    """Write an event of people, let a call overtake it, and commit it at the end."""
    worker = await worked(desk)
    async with desk.db.writing(desk.workplace.founder) as tx:
        stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
        await append(tx, stream, StreamKind.AUTHORITY, [new_event(desk.ids, PolicyNoted(n=1))])
        await worker.look_up("ord_bbbbbbbb")
        yield


async def test_no_call_stands_in_a_bundle_before_what_it_rests_on(
    desk: Desk, app: Litestar
) -> None:
    founder = desk.workplace.founder
    async with overtaken(desk):
        early = await entered(desk, app)
        assert await heads_in_log(desk.db, founder, early.size) is not None
    assert await heads_in_log(desk.db, founder, early.size) is None
    late = await entered(desk, app)
    heads = await heads_in_log(desk.db, founder, late.size)
    assert heads is not None
    assert sum(head.head_seq for head in heads) == late.size


async def test_an_export_ends_in_a_refusal_where_what_calls_rest_on_never_enters_the_log(
    desk: Desk, app: Litestar, auditor: Auditor, admin: "asyncpg.Connection[Any]"
) -> None:
    async with admin.transaction():
        async with overtaken(desk):
            await entered(desk, app)
            # Read behind the look at how far the streams go, and by nothing before it.
            await admin.execute("LOCK TABLE placet.authority_server_key_end")
            export = asyncio.create_task(auditor.ask())
            while not await admin.fetchval(WAITS):
                assert not export.done()
        await admin.execute(
            "DELETE FROM placet.event_log_pending WHERE tenant_id = $1 AND stream_id = $2",
            desk.workplace.tenant_id,
            tenant_stream(desk.workplace.tenant_id, StreamKind.AUTHORITY),
        )
    answered = await export
    assert (answered.status_code, answered.json()["code"]) == (503, "governance_unavailable")
    assert "have not entered the log" in answered.json()["detail"]
