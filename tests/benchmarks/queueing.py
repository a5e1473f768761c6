"""What a look at a log's queue costs over dead rows: `python -m tests.benchmarks.queueing`.

Two million rows of one tenant, written over an hour and taken, while somebody else holds a snapshot
from before. Beside it what a look from the queue's beginning costs, as there was one once. Each
record has the median and the most of some looks, in milliseconds. `PLACET_BENCH_ROWS` makes it
smaller.
"""

import json
import statistics
import time
from os import environ
from typing import Any, Final

import asyncpg
import uvloop
from tests.benchmarks import stand
from tests.benchmarks.stand import Stand
from tests.conftest import found
from tests.evidence.log.scribe import Scribe

from placet.evidence.log.model import NEWEST
from placet.kernel.ids import SystemIds
from placet.storage.database import Database

ROWS: Final = int(environ.get("PLACET_BENCH_ROWS", "2000000"))
LOOKS: Final = 15
PART: Final = 65_536
_PUT: Final = """
INSERT INTO placet.event_log_pending (tenant_id, stream_id, from_seq, to_seq, at)
SELECT $1, gen_random_uuid(), 1, 1,
    now() - ($2::bigint::float8 - n) / $2::bigint * interval '1 hour'
FROM generate_series(1, $2::bigint) AS n
"""
# A log of as many entries, of which a look reads no more than where each part begins.
_EVENTS: Final = """
INSERT INTO placet.event (tenant_id, stream_id, seq, event_id, actor_id, epoch, fence,
    control_epoch, control_revision, at, type, prev, body_hash, leaf)
SELECT $1, $1, n, gen_random_uuid(), $1, 1, 0, 0, 0,
    now() - ($2::bigint::float8 - n * $3::bigint) / $2::bigint * interval '1 hour',
    'Stepped', '', '', sha256('')
FROM generate_series(1, $2::bigint / $3::bigint) AS n
"""
_ENTRIES: Final = """
INSERT INTO placet.evidence_log_entry (tenant_id, index, stream_id, seq, leaf)
SELECT $1, n * $3::bigint, $1, n, sha256('') FROM generate_series(1, $2::bigint / $3::bigint) AS n
"""
_BEGINNING: Final = (
    "SELECT EXISTS (SELECT FROM placet.event_log_pending WHERE tenant_id = $1"
    " AND at >= '-infinity')"
)
_LOOK: Final = "SELECT placet.log_waits_v1(1000000000, 60, $1)"


async def fill(admin: "asyncpg.Connection[Any]", scribe: Scribe) -> None:
    """Write rows, and a log that has taken them."""
    tenant = scribe.who.tenant_id
    await admin.execute("SET session_replication_role = replica")
    await admin.execute("ALTER TABLE placet.event DISABLE TRIGGER ALL")
    await admin.execute(_PUT, tenant, ROWS)
    await admin.execute(_EVENTS, tenant, ROWS, PART)
    await admin.execute(_ENTRIES, tenant, ROWS, PART)
    await admin.execute("DELETE FROM placet.event_log_pending WHERE tenant_id = $1", tenant)
    head = "UPDATE placet.evidence_log SET size = $2, owed = 0, mark = now() WHERE tenant_id = $1"
    await admin.execute(head, tenant, ROWS)
    await admin.execute("SELECT set_config('placet.tenant', $1, false)", str(tenant))
    await admin.execute("SET enable_seqscan = off")


async def take(admin: "asyncpg.Connection[Any]", name: str, query: str, asked: list[Any]) -> None:
    """Print one record: how long a look takes, asked for each of these in turn."""
    took = []
    for number in range(LOOKS):
        begun = time.perf_counter()
        assert not await admin.fetchval(query, asked[number % len(asked)])
        took.append((time.perf_counter() - begun) * 1000)
    told = {
        "name": name,
        "p50_ms": round(statistics.median(took), 2),
        "most_ms": round(max(took), 2),
        "looks": LOOKS,
        "rows": ROWS,
    }
    print(json.dumps(told), flush=True)  # noqa: T201 -- a benchmark prints its figures


async def measure(here: Stand) -> None:
    """Look, with somebody's old snapshot beside."""
    db, ids = await Database.open(here.database_url), SystemIds()
    scribe = Scribe(db, (await found(db, ids)).founder, ids)
    await scribe.advance_all()
    elsewhere, admin = [await asyncpg.connect(here.admin_url) for _ in range(2)]
    async with elsewhere.transaction(isolation="repeatable_read"):
        await elsewhere.fetch("SELECT pg_current_xact_id(), count(*) FROM placet.event")
        await fill(admin, scribe)
        await take(admin, "from the beginning", _BEGINNING, [scribe.who.tenant_id])
        await take(admin, "where the last look ended", _LOOK, [None])
        await take(admin, "the newest part", _LOOK, [NEWEST])
        await take(admin, "another part", _LOOK, list(range(ROWS // PART)))
    for connection in (elsewhere, admin):
        await connection.close()
    await db.close()


def main() -> None:
    """Start what is measured, measure it, and end it."""
    with stand.standing("placet_bench") as (here,):
        uvloop.run(measure(here))


if __name__ == "__main__":
    main()
