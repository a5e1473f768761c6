"""Following the log: erasures are followed too, and nobody takes an entry in twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.audit.erasures.ended import ended, erase
from tests.audit.search.auditor import Auditor
from tests.conftest import Server
from tests.replay.desk import AGENT, Desk
from tests.storage import catalog

from placet.audit.search import indexing, service
from placet.audit.search.indexing import index_log, make_anew
from placet.audit.search.model import BODY_FIELDS, AuditFilter, SearchOrder
from placet.authority.checkpoints.service import sequence
from placet.tenancy.model import Role

TERMS = "SELECT * FROM placet.audit_term WHERE tenant_id = $1 ORDER BY field, value, index"
ROWS = "SELECT * FROM placet.audit_event WHERE tenant_id = $1 ORDER BY index"


@pytest.fixture
async def auditor(desk: Desk) -> Auditor:
    """An auditor of the desk's tenant."""
    _, key = await desk.workplace.person("auditor", Role.AUDITOR)
    return Auditor(desk, key)


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """The database as its admin sees it."""
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


async def held(admin: "asyncpg.Connection[Any]", auditor: Auditor) -> list[tuple[object, ...]]:
    """Return all that the tenant's index holds."""
    tenant = auditor.desk.workplace.tenant_id
    return [tuple(row) for query in (ROWS, TERMS) for row in await admin.fetch(query, tenant)]


async def anew(auditor: Auditor) -> None:
    """Throw the index away and make it again."""
    async with auditor.desk.db.writing(auditor.desk.workplace.founder) as tx:
        await make_anew(tx)
    await auditor.up_to_date()


async def test_what_was_erased_is_found_by_its_header_alone(
    auditor: Auditor, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(auditor.desk)
    stream = worker.session_id
    await auditor.up_to_date()
    before = [one for one in await auditor.all(type="CallProposed") if one["tool"]]
    assert before
    fingerprint = before[0]["arguments_hash"]
    assert await auditor.all(fingerprint=fingerprint)
    await erase(auditor.desk, stream)
    await auditor.up_to_date()
    assert await auditor.all(fingerprint=fingerprint) == []
    after = await auditor.all(type="CallProposed", agent=AGENT)
    assert [one["index"] for one in after] == [one["index"] for one in before]
    for one in after:
        assert (one["tool"], one["verdict"], one["rules"], one["arguments_hash"]) == (
            None,
            None,
            [],
            None,
        )
    fields = await admin.fetch(
        "SELECT DISTINCT t.field FROM placet.audit_term AS t JOIN placet.audit_event AS e"
        " ON e.tenant_id = t.tenant_id AND e.index = t.index WHERE e.stream_id = $1",
        stream,
    )
    assert not {row["field"] for row in fields} & BODY_FIELDS
    left = await held(admin, auditor)
    await anew(auditor)
    assert await held(admin, auditor) == left


async def test_only_what_was_erased_goes(
    auditor: Auditor, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(auditor.desk)
    await auditor.up_to_date()
    events = await auditor.all(agent=AGENT, order="oldest")
    own = [one for one in events if one["stream_id"] == str(worker.session_id)]
    first, last = own[0]["seq"], own[-1]["seq"]
    assert any(one["tool"] for one in own if first < one["seq"] < last)
    await erase(auditor.desk, worker.session_id, [first, last])
    await auditor.up_to_date()
    after = [
        one
        for one in await auditor.all(agent=AGENT, order="oldest")
        if one["stream_id"] == str(worker.session_id)
    ]
    assert after[1:-1] == own[1:-1]
    left = await held(admin, auditor)
    await anew(auditor)
    assert await held(admin, auditor) == left


async def test_an_index_is_cleared_a_few_rows_at_a_time_and_answers_nothing_until_it_is_empty(
    auditor: Auditor, admin: "asyncpg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    await ended(auditor.desk)
    await auditor.up_to_date()
    whole = await held(admin, auditor)
    monkeypatch.setattr(indexing, "CLEARED_AT_ONCE", 7)
    async with auditor.desk.db.writing(auditor.desk.workplace.founder) as tx:
        await make_anew(tx)
    for rounds in (1, 2):
        assert not await index_log(auditor.desk.db, auditor.desk.workplace.tenant_id, rounds=1)
        assert len(await held(admin, auditor)) == len(whole) - 7 * rounds
        page = await auditor.page()
        assert (page["items"], page["indexed_through"]) == ([], 0)
    await auditor.up_to_date()
    assert await held(admin, auditor) == whole


async def test_an_export_of_an_index_that_is_made_anew_meanwhile_has_no_manifest(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ended(auditor.desk)
    await auditor.up_to_date()
    monkeypatch.setattr(service, "PAGE", 3)
    db, founder = auditor.desk.db, auditor.desk.workplace.founder
    async with db.writing(founder) as tx:
        head = await service.begin_export(tx, AuditFilter(), SearchOrder.OLDEST, auditor.desk.ids)
    lines = service.write_export(db, founder, head)
    kinds = [json.loads(await anext(lines))["kind"] for _ in range(3)]
    async with db.writing(founder) as tx:
        await make_anew(tx)
    kinds += [json.loads(line)["kind"] async for line in lines]
    assert kinds == ["placet.search.v1", "event", "event", "event"]


async def test_a_round_follows_only_so_many_erasures_and_in_the_end_all(
    auditor: Auditor, admin: "asyncpg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "ERASURES_AT_ONCE", 1)
    db, tenant = auditor.desk.db, auditor.desk.workplace.tenant_id
    first, second = await ended(auditor.desk), await ended(auditor.desk)
    await auditor.up_to_date()
    tools = [one["tool"] for one in await auditor.all(type="CallProposed")]
    assert None not in tools
    assert len(tools) >= 2
    await erase(auditor.desk, first.session_id)
    await erase(auditor.desk, second.session_id)
    await sequence(db, tenant, auditor.desk.ids)
    assert not await index_log(db, tenant, rounds=1)
    await auditor.up_to_date()
    left = await held(admin, auditor)
    assert {one["tool"] for one in await auditor.all(type="CallProposed")} == {None}
    await anew(auditor)
    assert await held(admin, auditor) == left


async def test_two_who_follow_one_log_take_each_entry_in_once(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "ENTRIES_AT_ONCE", 2)
    db, tenant = auditor.desk.db, auditor.desk.workplace.tenant_id
    await ended(auditor.desk)
    await sequence(db, tenant, auditor.desk.ids)
    while not all(await asyncio.gather(*(index_log(db, tenant, rounds=3) for _ in range(4)))):
        pass
    await index_log(db, tenant, rounds=1_000)
    page = await auditor.page()
    assert page["indexed_through"] == page["log_size"]
    indexes = [one["index"] for one in await auditor.all()]
    assert sorted(indexes) == list(range(page["log_size"]))


async def test_the_index_holds_names_and_hashes_and_no_text_beside(
    admin: "asyncpg.Connection[Any]",
) -> None:
    columns = await catalog.columns(admin)
    texts = {
        (table, name)
        for table in ("audit_event", "audit_term", "audit_progress")
        for name, kind, _, _ in columns[table]
        if kind in {"text", "jsonb", "bytea"}
    }
    assert texts == {
        ("audit_event", name)
        for name in (
            "agent",
            "agent_named",
            "arguments_hash",
            "effect_key",
            "kind",
            "rules",
            "tool",
            "type",
            "verdict",
        )
    } | {("audit_term", "field"), ("audit_term", "value")}
