"""What an append reads and touches does not grow with its tenant or its stream."""

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest
import sqlalchemy as sa
from tests.conftest import Server, found
from tests.events.kept import Store

from placet.events.model import StreamId
from placet.kernel.ids import Ids
from placet.storage.database import Database

MANY: Final = 20_000
ROUND: Final = 10
READ: Final = """
SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes
WHERE schemaname = 'placet' AND relname LIKE 'event%'
"""
SCANNED: Final = """
SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables
WHERE schemaname = 'placet' AND relname LIKE 'event%'
"""
FLUSH: Final = sa.text("SELECT pg_stat_force_next_flush()")
FILL: Final = (
    """
    INSERT INTO placet.event
    SELECT tenant_id, $1, n, gen_random_uuid(), actor_id, epoch, fence, control_epoch,
        control_revision, at, type, prev, body_hash, leaf
    FROM placet.event, generate_series(1, $2::bigint) AS n WHERE stream_id = $3 AND seq = 1
    """,
    """
    INSERT INTO placet.event_body
    SELECT b.tenant_id, $1, n, b.salt, b.body
    FROM placet.event_body AS b, generate_series(1, $2::bigint) AS n
    WHERE b.stream_id = $3 AND b.seq = 1
    """,
    """
    INSERT INTO placet.event_place (tenant_id, stream_id, event_id, seq)
    SELECT tenant_id, stream_id, event_id, seq FROM placet.event
    WHERE stream_id = $1 AND seq <= $2 AND $3::uuid IS NOT NULL
    """,
    """
    INSERT INTO placet.event_stream
    SELECT s.tenant_id, $1, s.kind, $2::bigint + 1, e.leaf, s.last_at
    FROM placet.event_stream AS s JOIN placet.event AS e ON e.stream_id = s.stream_id AND e.seq = 1
    WHERE s.stream_id = $3
    """,
)


@pytest.fixture
async def admin(
    server: Server, fresh_database_url: str
) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path[1:]))
    yield connection
    await connection.close()


async def test_an_append_to_a_long_stream_of_a_full_tenant_reads_no_more(
    fresh_database_url: str, admin: "asyncpg.Connection[Any]", ids: Ids
) -> None:
    db = await Database.open(fresh_database_url)
    store = Store(db, (await found(db, ids)).founder, ids)
    short, long = store.stream(), store.stream()

    async def read(stream: StreamId) -> int:
        """Return how many rows and entries of indexes some appends read, a retry among them."""
        first = await counted()
        for _ in range(ROUND):
            events = store.steps(2)
            await store.append(stream, events[:1])
            await store.append(stream, events)
        return await counted() - first

    async def counted() -> int:
        async with db.reading(store.who) as tx:
            await tx.rows(FLUSH)
        await admin.execute("SELECT pg_stat_force_next_flush()")
        await admin.execute("SELECT pg_stat_clear_snapshot()")
        return int(await admin.fetchval(READ)) + int(await admin.fetchval(SCANNED))

    await store.append(short, store.steps(1))
    early = await read(short)
    # What was planned while there was little goes on as it was planned.
    for table in ("event", "event_body"):
        await admin.execute(f"ALTER TABLE placet.{table} DISABLE TRIGGER USER")
    for statement in FILL:
        await admin.execute(statement, long, MANY, short)
    late = await read(long)
    await db.close()
    assert early > 0
    assert late <= early * 1.15
    assert late < MANY // 10
