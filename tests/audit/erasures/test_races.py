"""An erasure and what happens at the same moment, in a forced order and with real commits."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from tests.audit.erasures.ended import ADDRESS, close, ended, erase, erase_some, spoken, told
from tests.conftest import Server
from tests.replay.desk import Desk, Worker

from placet.audit.erasures.model import ErasureWhy
from placet.audit.erasures.service import Erasing
from placet.evidence.verify import verify_bundle
from placet.replay.export import pages
from placet.replay.export import service as export
from placet.storage.database import Writing


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


def all_of(worker: Worker, until: int = 2**53 - 1) -> Erasing:
    """Return the wish that all of a session goes, up to some event."""
    return Erasing(stream_id=worker.session_id, why=ErasureWhy.RETENTION, reason="old", until=until)


async def waits_for(admin: "asyncpg.Connection[Any]", tx: Writing, late: asyncio.Task[Any]) -> bool:
    """Tell whether somebody comes to wait for a transaction before a task has ended."""
    ((pid,),) = await tx.rows(sa.text("SELECT pg_backend_pid()"))
    query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))"
    while not late.done():
        if await admin.fetchval(query, pid):
            return True
    return False


async def verified(desk: Desk, worker: Worker) -> int:
    """Return how many bodies of a session's bundle are gone; the rest verifies."""
    bundle = await desk.get(f"{worker.path}/bundle", desk.workplace.founder_key)
    report = verify_bundle(io.BytesIO(bundle.content))
    assert report.flaw is None, report.flaw
    return report.bodies_erased


async def late_call(worker: Worker) -> dict[str, Any]:
    """Settle one more call, close the session, and return the call."""
    (call,) = await worker.propose(("note", {"text": "b"}))
    await worker.report(call)
    await close(worker)
    return call


async def output_of(admin: "asyncpg.Connection[Any]", receipt: dict[str, Any]) -> bytes | None:
    found: bytes | None = await admin.fetchval(
        "SELECT output FROM placet.replay_execution_receipt WHERE receipt_id = $1",
        receipt["receipt_id"],
    )
    return found


async def test_a_receipt_that_comes_while_its_session_is_erased_waits_and_stays(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await spoken(desk)
    call = await late_call(worker)
    async with desk.db.writing(desk.workplace.founder) as tx:
        erased = await erase_some(tx, all_of(worker), desk.ids)
        late = asyncio.create_task(worker.report(call, output={"to": ADDRESS}))
        assert await waits_for(admin, tx, late)
    receipt = await late
    assert (receipt["late"], receipt["conflicting"]) == (True, False)
    assert [e["seq"] for e in await worker.events() if e["body"] is not None] == [erased + 1]
    assert await output_of(admin, receipt)
    assert await verified(desk, worker) == erased


async def test_a_receipt_that_came_after_the_look_keeps_its_body_and_its_output(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await spoken(desk)
    call = await late_call(worker)
    seen = len(await worker.events())
    receipt = await worker.report(call, output={"to": ADDRESS})
    async with desk.db.writing(desk.workplace.founder) as tx:
        assert await erase_some(tx, all_of(worker, seen), desk.ids) == seen
    assert await output_of(admin, receipt)
    assert await verified(desk, worker) == seen


async def test_two_who_erase_the_same_at_once_erase_it_once(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)
    async with desk.db.writing(desk.workplace.founder) as tx:
        first = await erase_some(tx, all_of(worker), desk.ids)
        second = asyncio.create_task(erase(desk, worker.session_id))
        assert await waits_for(admin, tx, second)
    assert (first > 0, await second) == (True, 0)
    assert [kind for kind, _ in await told(desk)] == ["BodiesErased"]


async def test_an_erasure_that_is_rolled_back_leaves_all_as_it_was(desk: Desk) -> None:
    worker = await ended(desk)

    async def broken_off() -> None:
        async with desk.db.writing(desk.workplace.founder) as tx:
            await erase_some(tx, all_of(worker), desk.ids)
            raise KeyError(ADDRESS)

    with pytest.raises(KeyError):
        await broken_off()
    assert await verified(desk, worker) == 0
    assert await told(desk) == []
    assert await erase(desk, worker.session_id) > 0


async def test_a_snapshot_that_is_taken_meanwhile_waits_and_is_not_kept(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)
    path = f"{worker.path}/snapshots"
    async with desk.db.writing(desk.workplace.founder) as tx:
        await erase_some(tx, all_of(worker), desk.ids)
        late = asyncio.create_task(desk.post(path, {}, desk.operator_key))
        assert await waits_for(admin, tx, late)
    assert (await late).status_code == 201
    assert (await desk.get(path, desk.operator_key)).json()["items"] == []


async def test_a_snapshot_that_was_being_taken_is_dropped(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)
    path = f"{worker.path}/snapshots"
    assert (await desk.post(path, {}, desk.operator_key)).status_code == 201
    await admin.execute("BEGIN")
    await admin.execute(
        "INSERT INTO placet.replay_session_snapshot SELECT tenant_id, session_id, seq - 1, form,"
        " head, state, digest, taken_at FROM placet.replay_session_snapshot WHERE session_id = $1",
        worker.session_id,
    )
    erasing = asyncio.create_task(erase(desk, worker.session_id))
    blocked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY"
    while not erasing.done() and not await admin.fetchval(f"{blocked} (pg_blocking_pids(pid)))"):
        pass
    assert not erasing.done()
    await admin.execute("COMMIT")
    assert await erasing > 0
    assert (await desk.get(path, desk.operator_key)).json()["items"] == []


async def test_an_export_that_is_under_way_goes_on_and_verifies(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await ended(desk)
    founder = desk.workplace.founder
    monkeypatch.setattr(pages, "PAGE", 2)
    async with desk.db.reading(founder) as tx:
        heads = await export.session_heads(tx, worker.session_id)
    lines = export.write_bundle(desk.db, founder, heads)
    taken = [await anext(lines)]
    while b'"kind":"event"' not in taken[-1] or str(worker.session_id).encode() not in taken[-1]:
        taken.append(await anext(lines))
    erased = await erase(desk, worker.session_id)
    taken += [line async for line in lines]
    report = verify_bundle(io.BytesIO(b"".join(taken)))
    assert report.flaw is None
    assert 0 < report.bodies_erased < erased
