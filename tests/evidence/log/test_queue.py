"""Where a look at the queue of a log begins, and how what came late is found all the same."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.conftest import Server, found
from tests.evidence.log.scribe import Scribe

from placet.authority.checkpoints.turns import LATE_SECONDS, Turns
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId
from placet.evidence.log import service
from placet.evidence.log.model import NEWEST
from placet.kernel.ids import Ids
from placet.storage.database import Database

ROWS = 3_000
SPAN = 60
"""More entries than stand in the queues of 10 seconds, one a second in each."""
WIDTH = 16
READ = """
SELECT sum(idx_tup_read) + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables
    WHERE relname IN ('event_log_pending', 'event_seal_pending'))
FROM pg_stat_user_indexes WHERE relname IN ('event_log_pending', 'event_seal_pending')
"""
PUT = """
INSERT INTO placet.event_log_pending (tenant_id, stream_id, from_seq, to_seq, at)
SELECT $1, $2, n, 1, clock_timestamp() - ($3 - n) * interval '1 second'
FROM generate_series(1, $3) AS n
"""
SEAL = """
INSERT INTO placet.event_seal_pending
SELECT tenant_id, gen_random_uuid(), 'session', 1, sha256(''), 'completed', at
FROM placet.event_log_pending
"""
LATE = "UPDATE placet.event_log_pending SET at = now() - $2::interval WHERE stream_id = $1"
SPREAD = """
UPDATE placet.event AS e SET at = now() - ($2 - l.index) * interval '1 minute'
FROM placet.evidence_log_entry AS l
WHERE l.tenant_id = $1 AND e.stream_id = l.stream_id AND e.seq = l.seq AND e.tenant_id = $1
"""
NARROW = f"""
CREATE OR REPLACE FUNCTION placet.log_part_v1() RETURNS bigint LANGUAGE plpgsql IMMUTABLE
AS 'BEGIN RETURN {WIDTH}; END'
"""


@pytest.fixture
async def own(fresh_database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(fresh_database_url)
    yield database
    await database.close()


@pytest.fixture
async def scribe(own: Database, ids: Ids) -> Scribe:
    """Somebody in a database where nobody else is."""
    written = Scribe(own, (await found(own, ids)).founder, ids)
    await written.say(StreamId(ids.new()))
    await written.advance_all()
    return written


async def connected(server: Server, url: str) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(server.admin(urlsplit(url).path[1:]))


@pytest.fixture
async def admin(
    server: Server, fresh_database_url: str
) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await connected(server, fresh_database_url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


@pytest.fixture
async def elsewhere(
    server: Server, fresh_database_url: str
) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """Somebody who holds a snapshot, and an id of a transaction, from before all that follows."""
    connection = await connected(server, fresh_database_url)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetch("SELECT pg_current_xact_id(), count(*) FROM placet.event")
        yield connection
    await connection.close()


async def read_by_a_look(
    admin: "asyncpg.Connection[Any]", scribe: Scribe, part: int | None = None
) -> int:
    """Return how many entries of indexes and rows of the queues one look reads."""
    await admin.execute("SELECT set_config('placet.tenant', $1, false)", str(scribe.who.tenant_id))
    # No checkpoint is owed, so that the queues have to be looked at.
    await admin.execute("UPDATE placet.evidence_log SET owed = 0")
    counts = []
    for _ in range(2):
        await admin.execute("SELECT pg_stat_force_next_flush()")
        await admin.execute("SELECT pg_stat_clear_snapshot()")
        counts.append(await admin.fetchval(READ))
        assert not await admin.fetchval("SELECT placet.log_waits_v1(1000, 60, $1)", part)
    return int(counts[1] - counts[0])


@pytest.mark.usefixtures("elsewhere")
async def test_a_look_passes_over_no_rows_that_were_taken_long_ago(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    (first, *_) = await scribe.entries()
    await admin.execute(PUT, scribe.who.tenant_id, first.stream_id, ROWS)
    await admin.execute(SEAL)
    await admin.execute("UPDATE placet.evidence_log SET mark = NULL")
    while await scribe.waits():
        await scribe.advance()
    assert await read_by_a_look(admin, scribe) < SPAN
    # They are all still there: whoever looks from the beginning meets them.
    assert await read_by_a_look(admin, scribe, NEWEST) >= 2 * ROWS


async def test_what_was_committed_long_after_it_was_written_enters_with_the_newest_part(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.say(stream, 2)
    await admin.execute(LATE, stream, timedelta(hours=1))
    assert await scribe.advance_all() == 0
    async with scribe.db.writing(scribe.who) as tx:
        done = await service.advance(tx, scribe.ids, part=NEWEST)
    assert done is not None
    assert done.entered == 2
    await scribe.check_whole()


async def test_looks_at_what_is_late_come_through_all_of_the_past_in_small_parts(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    await admin.execute(NARROW)
    await scribe.say(StreamId(scribe.ids.new()), 5 * WIDTH)
    await scribe.advance_all()
    size = (await scribe.head()).size
    await admin.execute("ALTER TABLE placet.event DISABLE TRIGGER ALL")
    await admin.execute(SPREAD, scribe.who.tenant_id, size)
    late = [StreamId(scribe.ids.new()) for _ in range(0, size, WIDTH // 2)]
    for n, stream in enumerate(late):
        await scribe.say(stream)
        ago = timedelta(minutes=size - n * WIDTH // 2, seconds=30)
        await admin.execute(LATE, stream, ago)
    assert await scribe.advance_all() == 0
    going, now = Turns(scribe.db, scribe.ids, ServerKeys.generate()), 0.0
    await going.go_round(now)
    for _ in range(2 * (size // WIDTH + 1)):
        now += LATE_SECONDS
        before = len(await scribe.entries())
        await going.go_round(now)
        assert len(await scribe.entries()) - before <= 3
    await scribe.check_whole()
