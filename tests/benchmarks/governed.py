"""What a governed call costs: `python -m tests.benchmarks.governed`.

A preflight, a proposal and a receipt over HTTP, all checks on and all evidence written, against the
same three database functions called by pgbench on the same database, the rounds interleaved. One
JSON record for each number of clients: the rate against the floor's, and the median of one call
against the floor's. A run in which not every call was committed once ends with a fault.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from typing import Final

import uvloop
from tests.benchmarks import floor, stand
from tests.benchmarks.stand import ROUNDS, SECONDS, Seat, Stand

from placet.replay.calls.runtime import Runtime
from placet.storage.embedded.binaries import locate

CLIENTS: Final = (1, 8, 32)
INCONCLUSIVE_FROM: Final = 1.5


async def prepare(here: Stand) -> tuple[list[floor.Recorded], list[Seat], list[Seat]]:
    """Return the step as the service takes it, and sessions for both sides."""
    async with stand.desk_of(here) as (desk, app):
        worker = await stand.warm(desk)
        step = await floor.record(app.state[Runtime.__name__], worker, here.admin_url)
        return step, await stand.seats(desk, max(CLIENTS)), await stand.seats(desk, max(CLIENTS))


async def governed(port: int, seats: list[Seat], seconds: float) -> tuple[float, float]:
    """Return the governed calls a second, and the median of one call's milliseconds."""
    async with stand.agents(port, seats) as made:
        rate = await stand.keep_calling(made, seconds)
        took = [seconds for agent in made for seconds in agent.took]
    return rate, statistics.median(took) * 1000


async def leases(here: Stand, port: int, seats: list[Seat]) -> list[tuple[int, int, int]]:
    """Take the leases of the floor's sessions, and return what a writer has to know of each."""
    async with stand.agents(port, seats):
        pass
    return await stand.standing_of(here, seats)


async def measure(here: Stand, port: int) -> None:
    """Run the rounds and print the figures."""
    step, ours, theirs = await prepare(here)
    done = 0
    for clients in CLIENTS:
        rates: dict[str, list[tuple[float, float]]] = {"floor": [], "governed": []}
        for seconds in (1.0, *[SECONDS] * ROUNDS):
            known = await leases(here, port, theirs[:clients])
            text = floor.script(step, theirs[:clients], known)
            ran = await asyncio.to_thread(floor.run, text, here.database_url, clients, seconds)
            rates["floor"].append(ran)
            done += round(ran[0] * seconds)
            rates["governed"].append(await governed(port, ours[:clients], seconds))
        tell(clients, {name: figures[1:] for name, figures in rates.items()})
    committed, receipts, told = await stand.settled(here, [seat.session_id for seat in theirs])
    assert committed == receipts == told == done, "the floor did not commit every call"
    committed, receipts, told = await stand.settled(here, [seat.session_id for seat in ours])
    assert committed == receipts == told, "the service did not commit every call"


def tell(clients: int, rates: dict[str, list[tuple[float, float]]]) -> None:
    """Print one record."""
    pairs = list(zip(rates["governed"], rates["floor"], strict=True))
    ratios = [ours[0] / theirs[0] for ours, theirs in pairs]
    record = {
        "name": "governed call against its three functions",
        "clients": clients,
        "rate_ratio": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
        "is_conclusive": max(ratios) / min(ratios) < INCONCLUSIVE_FROM,
        "p50_ratio": round(statistics.median(ours[1] / theirs[1] for ours, theirs in pairs), 2),
        **{
            f"{name}_{what}": round(statistics.median(part[place] for part in parts), 2)
            for name, parts in rates.items()
            for place, what in enumerate(("per_second", "p50_ms"))
        },
        "rounds": len(ratios),
        "python": sys.version.split()[0],
    }
    print(json.dumps(record), flush=True)  # noqa: T201 -- a benchmark prints its figures


def disk(folder: str) -> None:
    """Print how long the disk takes to keep a page, which stands beside every figure."""
    program = [locate(None).program("pg_test_fsync"), "-s", "1", "-f", f"{folder}/page"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)  # noqa: S603 -- our own program
    line = next(line for line in done.stdout.splitlines() if line.strip().startswith("fdatasync"))
    print(json.dumps({"fdatasync": " ".join(line.split()[1:])}), flush=True)  # noqa: T201 -- as above


def main() -> None:
    """Start what is measured, measure it, and end it."""
    with stand.standing("placet_bench") as (here,):
        disk(str(here.folder))
        with stand.served(__spec__.name, here) as (port, _):
            uvloop.run(measure(here, port))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stand.serve(*sys.argv[2:])
    else:
        main()
