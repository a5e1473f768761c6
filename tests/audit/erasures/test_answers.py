"""Answers that are kept for a repeat go with the streams that they name, and no others."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest
import sqlalchemy as sa
from litestar import Litestar
from litestar.routes import HTTPRoute
from tests.audit.erasures.ended import ADDRESS, close, ended, erase, erase_some, spoken
from tests.audit.erasures.test_races import all_of, waits_for
from tests.conftest import Server
from tests.replay.desk import Desk, Worker

from placet.kernel.refusals import AnswerErased
from placet.storage.database import Writing
from placet.storage.idempotency import first_answer, keep_answer
from placet.worker.retention import erase_due

ROUTE = "POST /tests"
READ = sa.text(
    "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS rows"
    " FROM pg_stat_xact_user_tables WHERE relname = 'idempotency_answer'"
)
OTHERS = """
INSERT INTO placet.idempotency_answer (
    tenant_id, actor_id, route, key, fingerprint, status, body, created_at)
SELECT $1, $1, 'POST /others', n::text, '\\x00', 200, repeat('x', 200)::bytea, clock_timestamp()
FROM generate_series(1, 5000) AS n
"""


AGO = """
UPDATE placet.audit_erasure SET erased_at = erased_at - interval '2 minutes' WHERE tenant_id = $1
"""


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


async def answer(tx: Writing, key: str, *streams: UUID) -> None:
    """Keep an answer that names these streams."""
    await first_answer(tx, route=ROUTE, key=key, fingerprint=b"f" * 32)
    body = json.dumps({"text": f"of {' and '.join(map(str, streams))}"}).encode()
    await keep_answer(tx, route=ROUTE, key=key, status=200, body=body)


async def kept(desk: Desk, admin: "asyncpg.Connection[Any]") -> set[str]:
    """Return the keys of answers that these tests had kept and that tell something."""
    rows = await admin.fetch(
        "SELECT key FROM placet.idempotency_answer"
        " WHERE tenant_id = $1 AND route = $2 AND body <> '{}'",
        desk.workplace.tenant_id,
        ROUTE,
    )
    return {row["key"] for row in rows}


async def test_every_answer_that_names_an_erased_stream_goes_and_no_other(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker, other = await ended(desk), await ended(desk)
    async with desk.db.writing(desk.workplace.founder) as tx:
        await answer(tx, "mine", worker.session_id)
        await answer(tx, "both", other.session_id, worker.session_id)
        await answer(tx, "other", other.session_id)
        await answer(tx, "none", desk.ids.new())
    await erase(desk, worker.session_id, [1])
    assert await kept(desk, admin) == {"other", "none"}
    named = await admin.fetch(
        "SELECT stream_id FROM placet.idempotency_stream WHERE tenant_id = $1 AND route = $2",
        desk.workplace.tenant_id,
        ROUTE,
    )
    assert [row["stream_id"] for row in named] == [other.session_id]


async def test_an_answer_from_before_a_session_ended_goes_with_its_bodies(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await spoken(desk)
    async with desk.db.writing(desk.workplace.founder) as tx:
        await answer(tx, "k", worker.session_id)
    await close(worker)
    await erase(desk, worker.session_id, [1])
    assert await kept(desk, admin) == set()


async def test_erasing_reads_no_answer_that_names_another_stream(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)
    await admin.execute("SET session_replication_role = replica")
    await admin.execute(OTHERS, desk.workplace.tenant_id)
    async with desk.db.writing(desk.workplace.founder) as tx:
        await answer(tx, "mine", worker.session_id)
    async with desk.db.writing(desk.workplace.founder) as tx:
        await erase_some(tx, all_of(worker), desk.ids)
        ((rows,),) = await tx.rows(READ)
    assert 0 < rows < 50
    assert await kept(desk, admin) == set()


async def test_an_answer_that_is_kept_while_its_stream_is_erased_waits_and_tells_nothing(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)

    async def late() -> None:
        async with desk.db.writing(desk.workplace.founder) as tx:
            await answer(tx, "late", worker.session_id)

    async with desk.db.writing(desk.workplace.founder) as begun:
        # It was computed of what was there then.
        await first_answer(begun, route=ROUTE, key="early", fingerprint=b"f" * 32)
        async with desk.db.writing(desk.workplace.founder) as tx:
            await erase_some(tx, all_of(worker), desk.ids)
            keeping = asyncio.create_task(late())
            assert await waits_for(admin, tx, keeping)
        await keeping
        body = str(worker.session_id).encode()
        await keep_answer(begun, route=ROUTE, key="early", status=200, body=body)
    assert await kept(desk, admin) == set()
    async with desk.db.writing(desk.workplace.founder) as tx:
        # Neither is done a second time.
        for key in ("early", "late"):
            with pytest.raises(AnswerErased):
                await first_answer(tx, route=ROUTE, key=key, fingerprint=b"f" * 32)
    await admin.execute("ALTER TABLE placet.audit_erasure DISABLE TRIGGER append_only")
    await admin.execute(AGO, desk.workplace.tenant_id)
    await admin.execute("ALTER TABLE placet.audit_erasure ENABLE ALWAYS TRIGGER append_only")
    async with desk.db.writing(desk.workplace.founder) as tx:
        await answer(tx, "afterwards", worker.session_id)
    assert await kept(desk, admin) == {"afterwards"}


async def test_an_erasure_waits_for_an_answer_that_is_being_kept_and_takes_it(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)
    async with desk.db.writing(desk.workplace.founder) as tx:
        await answer(tx, "k", worker.session_id)
        erasing = asyncio.create_task(erase(desk, worker.session_id))
        assert await waits_for(admin, tx, erasing)
    assert await erasing > 0
    assert await kept(desk, admin) == set()


async def test_the_worker_sweeps_what_is_old(desk: Desk, admin: "asyncpg.Connection[Any]") -> None:
    async with desk.db.writing(desk.workplace.founder) as tx:
        await answer(tx, "old", desk.ids.new())
        await answer(tx, "young", desk.ids.new())
    await admin.execute(
        "UPDATE placet.idempotency_answer SET created_at = created_at - interval '8 days'"
        " WHERE tenant_id = $1 AND key = 'old'",
        desk.workplace.tenant_id,
    )
    await admin.execute(
        "UPDATE placet.work_due SET due_at = '-infinity'"
        " WHERE tenant_id = $1 AND kind = 'sweep_answers'",
        desk.workplace.tenant_id,
    )
    while "old" in await kept(desk, admin):
        assert await erase_due(desk.db, desk.ids) > 0
    assert await kept(desk, admin) == {"young"}


async def test_a_repeat_of_a_request_whose_answer_was_erased_is_told_so_on_every_route(
    desk: Desk,
) -> None:
    worker = await spoken(desk)
    path = worker.path
    requests: list[tuple[str, dict[str, Any]]] = [
        (f"{path}/labels", {"add": {"who": ADDRESS}}),
        (f"{path}/report-unguarded", {"calls": 2, "since": "2026-01-01T10:00:00Z"}),
        ("/api/v1/replay/sessions", {}),
    ]

    async def ask(at: int) -> httpx.Response:
        return await desk.post(*requests[at], Idempotency_Key="the-same-one")

    first = [await ask(at) for at in range(len(requests))]
    assert [one.status_code for one in first] == [200, 200, 201]
    opened = Worker(desk, UUID(first[-1].json()["session_id"]))
    await opened.lease()
    for one in (worker, opened):
        await close(one)
    assert [(await ask(at)).status_code for at in range(len(requests))] == [200, 200, 201]
    for one in (worker, opened):
        assert await erase(desk, one.session_id) > 0
    for at, (route, body) in enumerate(requests):
        again = await ask(at)
        assert (again.status_code, again.json()["code"]) == (410, "answer_erased")
        assert ADDRESS not in again.text
        other = await desk.post(route, body | {"x": 1}, Idempotency_Key="the-same-one")
        assert other.status_code in {400, 409}


async def test_no_request_has_an_answer_as_empty_as_an_erased_one(app: Litestar) -> None:
    keyed = [
        handler.opt
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.opt.get("keyed")
    ]
    assert len(keyed) > 20
    for opt in keyed:
        assert any(field.required for field in msgspec.structs.fields(opt["answer"])), opt
