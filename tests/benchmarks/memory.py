"""What a server process keeps: `python -m tests.benchmarks.memory`.

So many governed calls (`PLACET_BENCH_CALLS`, by default 100,000), 100 in each session, 32 agents at
a time, and the resident memory of the process that served them, at every tenth of the way. One JSON
record. What is flat shows no growth from the middle to the end.
"""

import asyncio
import json
import sys
from os import environ
from pathlib import Path
from typing import Final

import uvloop
from tests.benchmarks import stand
from tests.benchmarks.stand import Seat, Stand

CALLS: Final = int(environ.get("PLACET_BENCH_CALLS", "100000"))
CLIENTS: Final = 32
EACH: Final = 100


def resident(pid: int) -> float:
    """Return the megabytes that a process keeps in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


async def measure(here: Stand, port: int, pid: int) -> None:
    """Make the calls and print the record."""
    waves = max(1, CALLS // (CLIENTS * EACH))
    kept = []
    sessions = []
    async with stand.desk_of(here) as (desk, _):
        for wave in range(waves):
            seats = await stand.seats(desk, CLIENTS)
            sessions += [seat.session_id for seat in seats]
            await _wave(port, seats)
            if wave % max(1, waves // 10) == 0:
                kept.append(resident(pid))
    committed, receipts, told = await stand.settled(here, sessions)
    assert committed == receipts == told == waves * CLIENTS * EACH
    record = {
        "name": "resident memory of the serving process, in MB",
        "calls": committed,
        "sessions": len(sessions),
        "at_every_tenth": kept,
        "at_the_end": resident(pid),
    }
    print(json.dumps(record), flush=True)  # noqa: T201 -- a benchmark prints its figures


async def _wave(port: int, seats: list[Seat]) -> None:
    async with stand.agents(port, seats) as made, asyncio.TaskGroup() as group:
        for agent in made:
            group.create_task(_work(agent))


async def _work(agent: stand.Agent) -> None:
    for _ in range(EACH):
        await agent.call()


def main() -> None:
    """Start what is measured, measure it, and end it."""
    with (
        stand.standing("placet_bench") as (here,),
        stand.served(__spec__.name, here) as (port, process),
    ):
        uvloop.run(measure(here, port, process.pid))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stand.serve(*sys.argv[2:])
    else:
        main()
