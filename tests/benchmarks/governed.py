"""What a governed call costs: `python -m tests.benchmarks.governed`.

A preflight, a proposal and a receipt over HTTP, all checks on and all evidence written, against the
same three database functions called by pgbench on the same database, the rounds interleaved; and
the same in two requests, whose floor is still three. One service sends calls of several sessions
that come meanwhile as one statement, another each alone. One JSON record for each way and number of
clients: the rate against the floor's, the median of one call against the floor's, and how long the
service itself is busy with one. A run in which not every call was committed once ends with a fault.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from os import environ
from typing import Final, TypeAlias

import uvloop
from tests.benchmarks import floor, stand
from tests.benchmarks.growth import crowd
from tests.benchmarks.stand import ROUNDS, SECONDS, Agent, Seat, Stand, Way

from placet.replay.calls.runtime import Runtime
from placet.storage.embedded.binaries import locate

CLIENTS: Final = tuple(int(n) for n in environ.get("PLACET_BENCH_CLIENTS", "1 8 32").split())
INCONCLUSIVE_FROM: Final = 1.5
SOME: Final = 2_000
"""Sessions that have been there before."""

Figures: TypeAlias = tuple[float, float, float]
"""Calls a second, the median of a call in ms, and the service's processor time for one in ms."""

WAYS: Final[dict[str, tuple[str, Way]]] = {
    "three requests": ("together", Agent.call),
    "three requests, each sent alone": ("alone", Agent.call),
    "preflight carried": ("together", Agent.carry),
    "calls at once": ("together", Agent.call_at_once),
}
"""Which of the two services is asked, and how."""


async def prepare(here: Stand) -> tuple[list[floor.Recorded], list[Seat], list[Seat]]:
    """Return the step as the service takes it, and sessions for both sides."""
    async with stand.desk_of(here) as (desk, app):
        worker = await stand.warm(desk)
        # Postgres plans for tables that are not empty, and knows them, as after a first minute.
        await crowd(here, worker.session_id, SOME)
        step = await floor.record(app.state[Runtime.__name__], worker, here.admin_url)
        return step, await stand.seats(desk, max(CLIENTS)), await stand.seats(desk, max(CLIENTS))


async def governed(port: int, pid: int, seats: list[Seat], seconds: float, way: Way) -> Figures:
    """Return the governed calls a second, a call's median, and the service's time for a call."""
    async with stand.agents(port, seats) as made:
        before = stand.busy_seconds(pid)
        rate = await stand.keep_calling(made, seconds, way)
        busy = stand.busy_seconds(pid) - before
        took = [seconds for agent in made for seconds in agent.took]
    return rate, statistics.median(took) * 1000, busy / len(took) * 1000


async def leases(here: Stand, port: int, seats: list[Seat]) -> list[tuple[int, int, int]]:
    """Take the leases of the floor's sessions, and return what a writer has to know of each."""
    async with stand.agents(port, seats):
        pass
    return await stand.standing_of(here, seats)


Served: TypeAlias = dict[str, tuple[int, int]]
"""The port and the process of each service: one sends calls together, one each alone."""


async def measure(here: Stand, services: Served) -> None:
    """Run the rounds and print the figures."""
    step, ours, theirs = await prepare(here)
    done = 0
    for clients in CLIENTS:
        figures: dict[str, list[Figures]] = {"floor": [], **{name: [] for name in WAYS}}
        for seconds in (1.0, *[SECONDS] * ROUNDS):
            known = await leases(here, services["together"][0], theirs[:clients])
            text = floor.script(step, theirs[:clients], known)
            ran = await asyncio.to_thread(floor.run, text, here.database_url, clients, seconds)
            figures["floor"].append((*ran, 0.0))
            done += round(ran[0] * seconds)
            for name, (which, way) in WAYS.items():
                port, pid = services[which]
                figures[name].append(await governed(port, pid, ours[:clients], seconds, way))
        for name in WAYS:
            tell(name, clients, figures[name][1:], figures["floor"][1:])
    committed, receipts, told = await stand.settled(here, [seat.session_id for seat in theirs])
    assert committed == receipts == told == done, "the floor did not commit every call"
    committed, receipts, told = await stand.settled(here, [seat.session_id for seat in ours])
    assert committed == receipts == told, "the service did not commit every call"


def tell(name: str, clients: int, ours: list[Figures], theirs: list[Figures]) -> None:
    """Print one record."""
    pairs = list(zip(ours, theirs, strict=True))
    ratios = [one[0] / other[0] for one, other in pairs]
    record = {
        "name": f"governed call, {name}, against its three functions",
        "clients": clients,
        "rate_ratio": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
        "is_conclusive": max(ratios) / min(ratios) < INCONCLUSIVE_FROM,
        "p50_ratio": round(statistics.median(one[1] / other[1] for one, other in pairs), 2),
        "per_second": _median(ours, 0),
        "p50_ms": _median(ours, 1),
        "service_ms": _median(ours, 2),
        "floor_per_second": _median(theirs, 0),
        "floor_p50_ms": _median(theirs, 1),
        "rounds": len(ratios),
        "python": sys.version.split()[0],
    }
    print(json.dumps(record), flush=True)  # noqa: T201 -- a benchmark prints its figures


def _median(figures: list[Figures], place: int) -> float:
    return round(statistics.median(one[place] for one in figures), 2)


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
        with (
            stand.served(__spec__.name, here) as (port, process),
            stand.served(__spec__.name, here, "alone") as (other_port, other),
        ):
            services = {"together": (port, process.pid), "alone": (other_port, other.pid)}
            uvloop.run(measure(here, services))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stand.serve(*sys.argv[2:])
    else:
        main()
