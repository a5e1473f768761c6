"""What a governed call costs as data grows: `python -m tests.benchmarks.growth`.

One agent, calls of the same kind, the rounds interleaved; each record is the median of one call
where much has happened against one where little has: in a database whose tenant has a million
events beside an empty one, late in a long session beside early in a fresh one, and while somebody
reads with an old snapshot beside nobody. Both sides are on one machine in one run.
`PLACET_BENCH_EVENTS` and `PLACET_BENCH_STEPS` make it smaller.
"""

import json
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from os import environ
from typing import Any, Final
from uuid import UUID

import asyncpg
import uvloop
from tests.benchmarks import stand
from tests.benchmarks.stand import LOOK_UP, NOTE, Agent, Stand, Tool
from tests.replay.desk import Desk

ROUNDS: Final = 15
CALLS: Final = 40
EARLY: Final = 5
EVENTS: Final = int(environ.get("PLACET_BENCH_EVENTS", "1000000"))
STEPS: Final = int(environ.get("PLACET_BENCH_STEPS", "5000"))
COPIED: Final = 100
EVENTS_EACH: Final = 5
_OF_SESSIONS: Final = """
SELECT c.table_name, c.column_name
FROM information_schema.columns AS c JOIN information_schema.tables AS t
    USING (table_schema, table_name)
WHERE c.table_schema = 'placet' AND c.column_name IN ('session_id', 'stream_id')
  AND t.table_type = 'BASE TABLE'
"""
_COLUMNS: Final = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'placet' AND table_name = $1
"""


async def crowd(here: Stand, session: UUID, copies: int) -> None:
    """Copy everything that one session wrote, so many times."""
    admin = await asyncpg.connect(here.admin_url)
    await admin.execute("SET session_replication_role = replica")
    await admin.execute("ALTER TABLE placet.event DISABLE TRIGGER USER")
    await admin.execute(
        f"CREATE TEMPORARY TABLE copy AS SELECT uuidv7() AS id FROM generate_series(1, {copies})"  # noqa: S608 -- a number
    )
    for row in await admin.fetch(_OF_SESSIONS):
        name, key = row["table_name"], row["column_name"]
        columns = [found["column_name"] for found in await admin.fetch(_COLUMNS, name)]
        taken = ", ".join("copy.id" if column == key else f"r.{column}" for column in columns)
        await admin.execute(
            f"INSERT INTO placet.{name} ({', '.join(columns)})"  # noqa: S608 -- names of the catalogue
            f" SELECT {taken} FROM copy, placet.{name} AS r WHERE r.{key} = '{session}'"
        )
    await admin.execute("ALTER TABLE placet.event ENABLE ALWAYS TRIGGER event_follows")
    await admin.execute("VACUUM ANALYZE")
    await admin.close()


async def take(agent: Agent, calls: int) -> float:
    """Return the median of so many calls, in milliseconds."""
    agent.took.clear()
    for _ in range(calls):
        await agent.call()
    return statistics.median(agent.took) * 1000


@asynccontextmanager
async def fresh(desk: Desk, port: int, tool: Tool = NOTE) -> AsyncIterator[Agent]:
    """Yield an agent on a new session that has taken a few steps."""
    async with stand.agents(port, await stand.seats(desk, 1, tool)) as (agent,):
        await take(agent, EARLY)
        yield agent


def tell(name: str, pairs: list[tuple[float, float]], **more: object) -> None:
    """Print one record: what is grown, against what is small."""
    ratios = [grown / small for grown, small in pairs]
    record = {
        "name": name,
        "ratio": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
        "grown_p50_ms": round(statistics.median(grown for grown, _ in pairs), 2),
        "small_p50_ms": round(statistics.median(small for _, small in pairs), 2),
        "rounds": len(pairs),
        **more,
    }
    print(json.dumps(record), flush=True)  # noqa: T201 -- a benchmark prints its figures


async def learn(here: Stand, desk: Desk, port: int) -> None:
    """Let Postgres know its tables, as its own daemon does within a minute of the first calls."""
    async with fresh(desk, port) as some:
        await take(some, COPIED)
    admin = await asyncpg.connect(here.admin_url)
    await admin.execute("ANALYZE")
    await admin.close()


async def late_steps(desk: Desk, port: int, tool: Tool) -> None:
    """Compare a session that has taken many steps with one that has taken few."""
    pairs = []
    async with fresh(desk, port, tool) as grown:
        for _ in range(STEPS // 100):
            await take(grown, 100)
            await grown.lease()
        for _ in range(ROUNDS):
            await grown.lease()
            async with fresh(desk, port, tool) as small:
                pairs.append((await take(grown, CALLS), await take(small, CALLS)))
    tell("step of a long session against one of a fresh one", pairs, tool=tool.name, steps=STEPS)


async def long_reader(here: Stand, desk: Desk, port: int) -> None:
    """Compare a session's steps under an old snapshot with those of one that nobody reads."""
    pairs = []
    for _ in range(ROUNDS):
        reader = await asyncpg.connect(here.admin_url)
        async with fresh(desk, port) as read, fresh(desk, port) as alone:
            async with reader.transaction(isolation="repeatable_read", readonly=True):
                await reader.fetchval("SELECT count(*) FROM placet.replay_session")
                under = await take(read, CALLS * 5)
            pairs.append((under, await take(alone, CALLS * 5)))
        await reader.close()
    tell("step under a reader's old snapshot against none", pairs, steps=CALLS * 5)


async def full_tenant(desks: list[Desk], ports: list[int], here: Stand) -> None:
    """Compare a tenant of many events with an empty one."""
    async with fresh(desks[0], ports[0]) as pattern:
        await take(pattern, COPIED)
        await crowd(here, pattern.seat.session_id, EVENTS // (COPIED * EVENTS_EACH))
    pairs = []
    for _ in range(ROUNDS):
        async with fresh(desks[0], ports[0]) as grown, fresh(desks[1], ports[1]) as small:
            pairs.append((await take(grown, CALLS), await take(small, CALLS)))
    admin = await asyncpg.connect(here.admin_url)
    events = await admin.fetchval("SELECT count(*) FROM placet.event")
    await admin.close()
    tell("call in a tenant of many events against an empty one", pairs, events=events)


async def measure(stands: list[Stand], ports: list[int]) -> None:
    """Take the three measures."""
    async with AsyncExitStack() as stack:
        desks: list[Any] = [
            (await stack.enter_async_context(stand.desk_of(here)))[0] for here in stands
        ]
        await full_tenant(desks, ports, stands[0])
        await learn(stands[1], desks[1], ports[1])
        await long_reader(stands[1], desks[1], ports[1])
        await late_steps(desks[1], ports[1], NOTE)
        await late_steps(desks[1], ports[1], LOOK_UP)


def main() -> None:
    """Start what is measured, measure it, and end it."""
    with (
        stand.standing("placet_bench_full", "placet_bench_empty") as stands,
        stand.served(__spec__.name, stands[0]) as (full, _),
        stand.served(__spec__.name, stands[1]) as (empty, _),
    ):
        uvloop.run(measure(stands, [full, empty]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stand.serve(*sys.argv[2:])
    else:
        main()
