"""A page of a search reads a bounded number of blocks, by any filter, whatever the index holds."""

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest
import sqlalchemy as sa
from tests.conftest import Server, found

from placet.audit.search.model import WALKED_MAX, AuditFilter, EventsFound, SearchOrder
from placet.audit.search.service import search
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.replay.calls.model import Verdict
from placet.storage.database import Database

MANY: Final = 30_000
PAGE: Final = 20
BLOCKS_MAX: Final = 300
COUNTING_MAX: Final = 300 * 2
"""Blocks that are read to see how many entries one of several filters has."""

HASH: Final = "ab" * 32
FLUSH: Final = sa.text("SELECT pg_stat_force_next_flush()")
BLOCKS: Final = """
SELECT coalesce(sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit), 0)
FROM pg_statio_user_tables WHERE schemaname = 'placet' AND relname LIKE 'audit%'
"""
FILL: Final = (
    """
    INSERT INTO placet.audit_event (tenant_id, index, at, stream_id, seq, kind, event_id, type,
        actor_id, agent, tool, verdict, rules, arguments_hash)
    SELECT $1, n, timestamptz '2026-01-01Z' + n * interval '1 second', $1, n + 1, 'session',
        gen_random_uuid(), 'CallProposed', $1, 'desk', CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd'
        END, CASE WHEN n % 10000 = 7 THEN 'deny' ELSE 'allow' END, '["cap"]',
        CASE WHEN n % 2 = 0 THEN repeat('ab', 32) ELSE repeat('cd', 32) END
    FROM generate_series(0, $2::bigint - 1) AS n
    """,
    """
    INSERT INTO placet.audit_term (tenant_id, field, value, at, index)
    SELECT e.tenant_id, t.field, t.value, e.at, e.index
    FROM placet.audit_event AS e, LATERAL (VALUES
        ('actor', e.actor_id::text), ('type', e.type), ('agent', e.agent), ('tool', e.tool),
        ('verdict', e.verdict), ('rule', 'cap'), ('fingerprint', e.arguments_hash)
    ) AS t(field, value)
    WHERE e.tenant_id = $1 AND $2::bigint > 0
    """,
    "INSERT INTO placet.audit_progress (tenant_id, form, indexed_through) VALUES ($1, 1, $2)",
)


class Full:
    """A tenant whose index is full, and who counts what a search reads."""

    def __init__(self, db: Database, who: Principal, admin: "asyncpg.Connection[Any]") -> None:
        """Stand on a database, and beside it."""
        self.db = db
        self.who = who
        self.admin = admin

    async def search(
        self, asked: AuditFilter, order: SearchOrder = SearchOrder.NEWEST
    ) -> tuple[EventsFound, int]:
        """Return the first page of a search, and how many blocks it read."""
        before = await self._blocks()
        async with self.db.reading(self.who) as tx:
            page = await search(tx, asked, order, None, PAGE)
        return page, await self._blocks() - before

    async def _blocks(self) -> int:
        async with self.db.reading(self.who) as tx:
            await tx.rows(FLUSH)
        await self.admin.execute("SELECT pg_stat_clear_snapshot()")
        return int(await self.admin.fetchval(BLOCKS))


@pytest.fixture
async def full(server: Server, fresh_database_url: str, ids: Ids) -> AsyncIterator[Full]:
    """A tenant with so many events, of which Postgres knows no statistics."""
    db = await Database.open(fresh_database_url)
    who = (await found(db, ids)).founder
    admin = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path[1:]))
    for statement in FILL:
        await admin.execute(statement, who.tenant_id, MANY)
    await admin.execute("SELECT pg_stat_force_next_flush()")
    yield Full(db, who, admin)
    await admin.close()
    await db.close()


def filters(full: Full) -> dict[str, AuditFilter]:
    """Return a question by each filter, and some by several."""
    return {
        "nothing": AuditFilter(),
        "actor": AuditFilter(actor=full.who.tenant_id),
        "agent": AuditFilter(agent="desk"),
        "tool": AuditFilter(tool="even"),
        "verdict": AuditFilter(verdict=Verdict.DENY),
        "rule": AuditFilter(rule="cap"),
        "fingerprint": AuditFilter(fingerprint=HASH),
        "type": AuditFilter(type="CallProposed"),
        "nobody": AuditFilter(agent="nobody"),
        "a rare one of common ones": AuditFilter(
            agent="desk", rule="cap", type="CallProposed", tool="odd", verdict=Verdict.DENY
        ),
        "common ones": AuditFilter(agent="desk", rule="cap", tool="even"),
    }


@pytest.mark.parametrize("known", [False, True], ids=["unknown to Postgres", "known to Postgres"])
async def test_a_page_by_any_filter_reads_few_blocks(full: Full, known: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    if known:
        await full.admin.execute("ANALYZE")
    for name, asked in filters(full).items():
        for order in SearchOrder:
            page, blocks = await full.search(asked, order)
            terms = len(asked.terms())
            counted = COUNTING_MAX * terms if terms > 1 else 0
            assert blocks <= BLOCKS_MAX + counted, (name, order, blocks)
            wanted = {"verdict": 3, "a rare one of common ones": 3, "nobody": 0}.get(name, PAGE)
            assert len(page.items) == wanted, name


async def test_filters_that_meet_nowhere_are_given_up_after_a_bounded_walk(full: Full) -> None:
    asked = AuditFilter(tool="odd", fingerprint=HASH)
    page, blocks = await full.search(asked)
    assert page.items == []
    assert page.next_cursor is not None
    # Each entry that is walked is looked up once, in an index of at most four levels.
    assert blocks <= WALKED_MAX * 5
