"""Rounds of a log on a real database, and what is proved from it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from tests.conftest import Server
from tests.evidence.log.scribe import Scribe

from placet.events.model import StreamId, StreamKind, tenant_stream
from placet.evidence import merkle
from placet.evidence.log import service, store
from placet.evidence.log.model import LogDamaged
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.storage.database import Database


@pytest.fixture
async def scribe(db: Database, tenant: Principal, ids: Ids) -> Scribe:
    return Scribe(db, tenant, ids)


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


async def test_every_event_enters_once_and_each_stream_in_its_order(scribe: Scribe) -> None:
    streams = [StreamId(scribe.ids.new()) for _ in range(5)]
    for n in range(1, 4):
        for stream in streams:
            await scribe.say(stream, n)
    await scribe.advance_all(room=7)
    await scribe.check_whole()


async def test_the_tree_of_many_rounds_is_the_tree_of_all(scribe: Scribe) -> None:
    stream = StreamId(scribe.ids.new())
    for n in (1, 300, 200, 255, 40):
        await scribe.say(stream, n)
        await scribe.advance_all(room=190)
    await scribe.check_whole()


async def test_a_round_takes_no_more_than_there_is_room_for(scribe: Scribe) -> None:
    await scribe.advance_all()
    await scribe.say(StreamId(scribe.ids.new()), 10)
    told = await scribe.advance(room=4)
    assert told is not None
    assert told.entered == 4
    assert await scribe.advance_all(room=4) == 6


async def test_a_stream_that_always_has_more_keeps_no_other_waiting(scribe: Scribe) -> None:
    busy, quiet = StreamId(UUID(int=1)), StreamId(UUID(int=2))
    await scribe.advance_all()
    await scribe.say(busy, 3)
    await scribe.say(quiet, 1)
    for _ in range(4):
        await scribe.advance(room=2)
        await scribe.say(busy, 2)
    entered = [entry.stream_id for entry in await scribe.entries()]
    assert quiet in entered


async def test_two_at_once_never_both_enter_an_event(scribe: Scribe) -> None:
    for _ in range(6):
        await scribe.say(StreamId(scribe.ids.new()), 20)
        done = [scribe.advance(room=15) for _ in range(6)]
        await asyncio.gather(*done)
    await scribe.advance_all()
    await scribe.check_whole()


async def test_whoever_finds_the_log_taken_goes_away_at_once(scribe: Scribe) -> None:
    await scribe.advance_all()
    async with scribe.db.writing(scribe.who) as tx:
        assert await service.advance(tx, scribe.ids) is not None
        assert await scribe.advance() is None


async def test_a_round_from_an_old_head_moves_nothing(scribe: Scribe) -> None:
    await scribe.advance_all()
    old = await scribe.head()
    await scribe.say(StreamId(scribe.ids.new()))
    await scribe.advance_all()
    now = await scribe.head()
    async with scribe.db.writing(scribe.who) as tx:
        assert not await store.advance_head(tx, old.size, old)
    assert await scribe.head() == now


async def half_a_round(scribe: Scribe) -> None:
    async with scribe.db.writing(scribe.who) as tx:
        await service.advance(tx, scribe.ids)
        raise NotFound(detail="something else went wrong in the same transaction")


async def test_what_is_rolled_back_leaves_nothing_behind(scribe: Scribe) -> None:
    await scribe.advance_all()
    before = await scribe.head()
    await scribe.say(StreamId(scribe.ids.new()), 3)
    with pytest.raises(NotFound):
        await half_a_round(scribe)
    assert await scribe.head() == before
    assert await scribe.advance_all() == 3
    await scribe.check_whole()


async def test_a_lost_row_is_made_good_by_the_next_event(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.say(stream, 3)
    await admin.execute("DELETE FROM placet.event_log_pending WHERE stream_id = $1", stream)
    await scribe.say(stream, 1)
    await scribe.advance_all()
    await scribe.check_whole()


async def test_a_row_that_comes_back_enters_nothing_twice(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.say(stream, 3)
    await scribe.advance_all()
    await admin.execute(
        "INSERT INTO placet.event_log_pending VALUES ($1, $2, 1, 3, clock_timestamp())",
        scribe.who.tenant_id,
        stream,
    )
    assert await scribe.advance_all() == 0
    await scribe.check_whole()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE placet.evidence_log SET root = sha256('other') WHERE tenant_id = $1",
        "UPDATE placet.evidence_log_tile SET hashes = sha256(hashes) WHERE tenant_id = $1",
        "DELETE FROM placet.evidence_log_tile WHERE tenant_id = $1",
        (
            "UPDATE placet.evidence_log_entry SET leaf = sha256(leaf)"
            " WHERE tenant_id = $1 AND index = 256"
        ),
        "UPDATE placet.evidence_log SET size = size - 1, owed = 0 WHERE tenant_id = $1",
    ],
    ids=["root", "tile", "no tile", "entry", "size"],
)
async def test_nothing_enters_a_log_that_was_changed(
    scribe: Scribe, admin: "asyncpg.Connection[Any]", change: str
) -> None:
    await scribe.say(StreamId(scribe.ids.new()), 256)
    await scribe.advance_all()
    alter = "ALTER TABLE placet.evidence_log_entry"
    await admin.execute(f"{alter} DISABLE TRIGGER append_only")
    await admin.execute(change, scribe.who.tenant_id)
    await admin.execute(f"{alter} ENABLE ALWAYS TRIGGER append_only")
    await scribe.say(StreamId(scribe.ids.new()))
    before = await scribe.entries()
    with pytest.raises(LogDamaged):
        await scribe.advance()
    assert await scribe.entries() == before


async def test_the_end_of_a_stream_is_told_once_and_enters_like_any_event(
    scribe: Scribe,
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.say(stream, 2)
    await scribe.end(stream)
    await scribe.advance_all()
    (told,) = await scribe.said(tenant_stream(scribe.who.tenant_id, StreamKind.SEALS))
    assert json.loads(told) == {
        "kind": "session",
        "last_leaf": "07" * 32,
        "last_seq": 2,
        "status": "completed",
        "stream_id": str(stream),
    }
    assert await scribe.advance_all() == 0
    await scribe.check_whole()


async def test_every_place_is_proved_at_every_size(scribe: Scribe) -> None:
    await scribe.say(StreamId(scribe.ids.new()), 270)
    await scribe.advance_all()
    entries = await scribe.entries()
    leaves = [merkle.leaf_hash(entry.leaf) for entry in entries]
    async with scribe.db.reading(scribe.who) as tx:
        for index in (0, 1, 100, 255, 256, len(entries) - 1):
            for size in (index + 1, len(entries)):
                entry = entries[index]
                proof = await service.inclusion(tx, entry.stream_id, entry.seq, size)
                assert (proof.index, proof.leaf) == (index, entry.leaf)
                root = merkle.root_of(leaves[:size])
                assert root == await service.root_at(tx, size)
                assert merkle.is_included(leaves[index], index, size, proof.path, root)
        for old, new in ((0, 5), (1, 256), (255, 257), (256, len(entries)), (7, 7)):
            path = await service.consistency(tx, old, new)
            roots = merkle.root_of(leaves[:old]), merkle.root_of(leaves[:new])
            assert merkle.is_consistent(old, roots[0], new, roots[1], path)


async def test_what_the_log_does_not_hold_is_not_found(scribe: Scribe) -> None:
    await scribe.advance_all()
    entries = await scribe.entries()
    last, size = entries[-1], len(entries)
    async with scribe.db.reading(scribe.who) as tx:
        for stream, seq, asked in (
            (last.stream_id, last.seq, size - 1),
            (last.stream_id, last.seq, size + 1),
            (last.stream_id, last.seq + 1, size),
            (StreamId(UUID(int=5)), 1, size),
        ):
            with pytest.raises(NotFound):
                await service.inclusion(tx, stream, seq, asked)
        for old, new in ((2, 1), (0, size + 1), (-1, 1)):
            with pytest.raises(NotFound):
                await service.consistency(tx, old, new)


async def test_a_long_transaction_elsewhere_holds_nothing_up(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    async with admin.transaction(isolation="repeatable_read"):
        await admin.fetch("SELECT pg_current_xact_id(), count(*) FROM placet.event")
        await scribe.say(StreamId(scribe.ids.new()), 3)
        await scribe.advance_all()
        await scribe.check_whole()


async def test_whoever_writes_an_event_never_waits_for_a_round(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.say(stream, 3)
    async with scribe.db.writing(scribe.who) as tx:
        await service.advance(tx, scribe.ids)
        await admin.execute("SET lock_timeout = '1s'")
        held = await admin.fetch(
            "SELECT DISTINCT c.relname FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
            " WHERE l.pid = $1 AND l.mode <> 'AccessShareLock' AND c.relkind = 'r'",
            (await tx.rows(sa.text("SELECT pg_backend_pid()")))[0][0],
        )
        await scribe.say(stream, 2)
        await admin.fetch(
            "SELECT FROM placet.event_stream WHERE tenant_id = $1 FOR NO KEY UPDATE NOWAIT",
            scribe.who.tenant_id,
        )
    assert {row["relname"] for row in held} == {
        "event_log_pending",
        "event_seal_pending",
        "evidence_log",
        "evidence_log_entry",
        "work_due",  # the index that follows the log is due
    }
    await scribe.advance_all()
    await scribe.check_whole()
