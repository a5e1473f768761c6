"""What an append costs as a tenant grows: `python -m tests.benchmarks.appending`.

Batches of one event, each in a transaction of its own, the rounds interleaved: in a tenant that has
a million events beside one that has none, both in streams of like age. Then the same in a stream
that half of the million stands in, beside a young one. Each record is the median of the rounds'
ratios of medians. `PLACET_BENCH_EVENTS` makes it smaller.
"""

import json
import statistics
import time
from os import environ
from typing import Final

import asyncpg
import uvloop
from tests.benchmarks import stand
from tests.benchmarks.stand import Stand
from tests.conftest import found
from tests.events.kept import Store

from placet.events.model import StreamId
from placet.kernel.ids import SystemIds
from placet.storage.database import Database

EVENTS: Final = int(environ.get("PLACET_BENCH_EVENTS", "1000000"))
ROUNDS: Final = 21
APPENDS: Final = 100
STREAMS: Final = 1_000
BODY: Final = b'{"number":1,"parent_event_id":null}'
_MANY: Final = f"SELECT uuidv7() AS id, {{each}} AS size FROM generate_series(1, {STREAMS})"  # noqa: S608 -- numbers
_EVENT: Final = """
INSERT INTO placet.event (tenant_id, stream_id, seq, event_id, actor_id, epoch, fence,
    control_epoch, control_revision, at, type, prev, body_hash, leaf)
SELECT $1, s.id, n, uuidv7(), $1, 1, 0, 0, 0, clock_timestamp(), 'Stepped', sha256('a'),
    sha256('b'), sha256(uuid_send(s.id) || int8send(n))
FROM grown AS s, generate_series(1, s.size) AS n
"""
_REST: Final = (
    """
    INSERT INTO placet.event_body (tenant_id, stream_id, seq, salt, body)
    SELECT tenant_id, stream_id, seq, '\\x00112233445566778899aabbccddeeff', $2::bytea
    FROM placet.event WHERE tenant_id = $1 AND type = 'Stepped'
    """,
    """
    INSERT INTO placet.event_place (tenant_id, stream_id, event_id, seq)
    SELECT tenant_id, stream_id, event_id, seq FROM placet.event
    WHERE tenant_id = $1 AND type = 'Stepped' AND $2::bytea IS NOT NULL
    """,
    """
    INSERT INTO placet.event_stream (tenant_id, stream_id, kind, next_seq, head, last_at)
    SELECT $1, s.id, 'run', s.size + 1, sha256(uuid_send(s.id) || int8send(s.size)),
        clock_timestamp()
    FROM grown AS s WHERE $2::bytea IS NOT NULL
    """,
)


async def fill(here: Stand, store: Store, long: StreamId) -> int:
    """Write so many events: half of them in one stream, the rest in many. Returns how many."""
    tenant = store.who.tenant_id
    admin = await asyncpg.connect(here.admin_url)
    each = EVENTS // 2 // STREAMS
    await admin.execute(f"CREATE TEMPORARY TABLE grown AS {_MANY.format(each=each)}")
    await admin.execute("INSERT INTO grown VALUES ($1, $2)", long, EVENTS // 2)
    await admin.execute("ALTER TABLE placet.event DISABLE TRIGGER USER")
    await admin.execute(_EVENT, tenant)
    await admin.execute("ALTER TABLE placet.event ENABLE TRIGGER USER")
    for trigger in ("event_follows", "append_only", "append_only_all"):
        await admin.execute(f"ALTER TABLE placet.event ENABLE ALWAYS TRIGGER {trigger}")
    for statement in _REST:
        await admin.execute(statement, tenant, BODY)
    await admin.execute("VACUUM ANALYZE")
    count: int = await admin.fetchval("SELECT count(*) FROM placet.event")
    await admin.close()
    return count


async def take(store: Store, stream: StreamId) -> float:
    """Return the median of so many appends, in milliseconds."""
    took = []
    for number in range(APPENDS):
        event = store.step(number)
        begun = time.perf_counter()
        await store.append(stream, [event])
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1000


async def compare(name: str, grown: tuple[Store, StreamId], small: tuple[Store, StreamId]) -> None:
    """Print one record: what is grown, against what is small."""
    pairs = []
    for number in range(ROUNDS):
        sides = (grown, small) if number % 2 else (small, grown)
        took = {id(side): await take(*side) for side in sides}
        pairs.append((took[id(grown)], took[id(small)]))
    record = {
        "name": name,
        "ratio": round(statistics.median(big / little for big, little in pairs), 3),
        "grown_p50_ms": round(statistics.median(big for big, _ in pairs), 3),
        "small_p50_ms": round(statistics.median(little for _, little in pairs), 3),
        "rounds": ROUNDS,
        "events": EVENTS,
    }
    print(json.dumps(record), flush=True)  # noqa: T201 -- a benchmark prints its figures


async def store_on(here: Stand) -> Store:
    """Return a store in a fresh tenant."""
    db = await Database.open(here.database_url)
    ids = SystemIds()
    return Store(db, (await found(db, ids)).founder, ids)


async def measure(stands: list[Stand]) -> None:
    """Take both measures."""
    full, empty = [await store_on(here) for here in stands]
    long, young = full.stream(), full.stream()
    await fill(stands[0], full, long)
    own = empty.stream()
    await take(full, young)
    await take(empty, own)
    await compare("append in a tenant of many events", (full, young), (empty, own))
    await compare("append to a stream of many events", (full, long), (empty, own))
    await full.db.close()
    await empty.db.close()


def main() -> None:
    """Start what is measured, measure it, and end it."""
    with stand.standing("placet_bench_full", "placet_bench_empty") as stands:
        uvloop.run(measure(stands))


if __name__ == "__main__":
    main()
