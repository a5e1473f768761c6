"""What keeps its promise while everybody works: `python -m tests.benchmarks.under_load`.

How long a renewal takes while eight writers work on the same session as fast as they are answered,
and a kill of the tenant while 32 clients do, each on a session of its own, and once more where all
their grants are counted together; beside the same without anybody, the rounds interleaved. The
service, those who load it and the one who measures are processes of their own. One JSON record for
each, with the ratio of the medians. A round ends with a fault where the load did no work, a renewal
was refused, or a call was granted after a kill.
"""

import asyncio
import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
import httpx
import msgspec
import uvloop
from tests.benchmarks import stand
from tests.benchmarks.stand import ROUNDS, SECONDS, Agent, Line, Seat, Stand, Tool
from tests.replay.desk import Desk
from tests.replay.tallies.wide import wide

from placet.kernel.ids import SystemIds

WRITERS: Final = 8
CLIENTS: Final = 32
KILLS: Final = 5
RENEWALS_MIN: Final = 5
PAUSE_SECONDS: Final = 0.2
WARMING_SECONDS: Final = 0.5
OK: Final = (200, 201)
PAY: Final = Tool(name="pay", arguments='{"amount": 1, "to": "x"}')
"""Counted beside the payments of all other sessions: such grants come one after the other."""
_COMMITTED: Final = """
SELECT count(*) FROM placet.replay_pending_call AS c
WHERE c.session_id = ANY($1) AND c.commit_state = 'committed'
"""
_AFTER: Final = """
SELECT count(*) FROM placet.replay_pending_call AS c
JOIN placet.authority_control AS k USING (tenant_id)
WHERE c.session_id = ANY($1) AND k.kind = 'tenant' AND c.grant_control_epoch >= k.set_epoch
  AND (k.lifted_epoch IS NULL OR c.grant_control_epoch < k.lifted_epoch)
"""


class Writer(Agent):
    """One of several connections that work under the same lease."""

    @staticmethod
    def binding_of(agent: Agent) -> str:
        """Return the binding of the lease that an agent has."""
        return agent._binding  # noqa: SLF001 -- an agent of the benchmarks, which keeps it to itself

    def under(self, other: Agent) -> None:
        """Work under the lease that another has taken."""
        self._binding = self.binding_of(other)


async def work(agent: Agent) -> None:
    """Take calls for ever; what is refused is tried again at once, as a bad client would."""
    while True:
        try:
            await agent.call()
        except RuntimeError:
            # Stopped for a moment, or the facts moved too often: that is what the load is for.
            await asyncio.sleep(0)


async def load(port: int, seats: list[Seat], writers: int) -> None:
    """Work on every session with so many connections until the process is ended."""
    loop = asyncio.get_running_loop()
    made: list[Writer] = []
    for seat in seats:
        each = [
            Writer((await loop.create_connection(Line, "127.0.0.1", port))[1], seat)
            for _ in range(writers)
        ]
        await each[0].lease()
        for other in each[1:]:
            other.under(each[0])
        made += each
    tell({"bindings": [Writer.binding_of(one) for one in made[::writers]]})
    await asyncio.gather(*(work(one) for one in made))


@contextmanager
def loaded(port: int, seats: list[Seat], writers: int) -> Iterator[list[str]]:
    """Have the service loaded, and yield the bindings of the sessions."""
    told = msgspec.json.encode(seats).decode()
    program = [sys.executable, "-m", __spec__.name, "load", str(port), str(writers), told]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- our own interpreter
        assert process.stdout is not None
        try:
            bindings: list[str] = json.loads(process.stdout.readline())["bindings"]
            time.sleep(WARMING_SECONDS)
            yield bindings
            assert process.poll() is None, "the load ended before its time"
        finally:
            process.terminate()


class Prober:
    """One who asks one thing at a time and notes how long each answer took, in ms."""

    def __init__(self, port: int) -> None:
        """Keep one connection."""
        self._line = http.client.HTTPConnection("127.0.0.1", port)
        self._ids = SystemIds()
        self.text = b""

    def id(self) -> str:
        """Return an id that nobody has used."""
        return str(self._ids.new())

    def ask(self, path: str, key: str, body: dict[str, Any], binding: str = "") -> float:
        """Send a request that must not be refused, and return how long it took."""
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Idempotency-Key": self.id(),
            **({"Placet-Binding": binding} if binding else {}),
        }
        began = time.perf_counter()
        self._line.request("POST", path, json.dumps(body), headers)
        answered = self._line.getresponse()
        self.text = answered.read()
        took = (time.perf_counter() - began) * 1000
        assert answered.status in OK, self.text
        return took


def renewals(prober: Prober, seat: Seat, binding: str, seconds: float) -> list[float]:
    """Renew a lease over and over for so long."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    path = f"/api/v1/replay/sessions/{seat.session_id}/lease"
    while time.perf_counter() < until or len(took) < RENEWALS_MIN:
        body = {
            "action": "renew",
            "holder": seat.holder,
            "request_id": prober.id(),
            "ttl_seconds": 60,
        }
        took.append(prober.ask(path, seat.key, body, binding))
    return took


async def kills(prober: Prober, desk: Desk) -> list[float]:
    """Kill the tenant a few times, each kill lifted before the next."""
    took = []
    for _ in range(KILLS):
        body = {"kind": "tenant", "target": "", "effect": "kill", "reason": "enough"}
        took.append(prober.ask("/api/v1/authority/controls", desk.operator_key, body))
        await desk.lift(httpx.Response(200, content=prober.text))
        await asyncio.sleep(PAUSE_SECONDS)
    return took


async def count(here: Stand, query: str, seats: list[Seat]) -> int:
    """Return what a question about these sessions counts."""
    admin = await asyncpg.connect(here.admin_url)
    found: int = await admin.fetchval(query, [seat.session_id for seat in seats])
    await admin.close()
    return found


async def measure(here: Stand, port: int) -> None:
    """Run the rounds and print the figures."""
    async with stand.desk_of(here) as (desk, _):
        prober = Prober(port)
        quiet, busy, *many = await stand.seats(desk, 2 + CLIENTS)
        renewed: dict[str, list[float]] = {"quiet": [], "loaded": []}
        killed: dict[str, list[float]] = {"quiet": [], "loaded": []}
        queued: dict[str, list[float]] = {"quiet": killed["quiet"], "loaded": []}
        await desk.approve_again(wide({"op": "max", "lte": 1_000}))
        paying = await stand.seats(desk, CLIENTS, PAY)
        for _ in range(ROUNDS):
            async with stand.agents(port, [quiet]) as (agent,):
                bound = Writer.binding_of(agent)
                renewed["quiet"] += renewals(prober, quiet, bound, SECONDS)
            before = await count(here, _COMMITTED, [busy])
            with loaded(port, [busy], WRITERS) as (binding,):
                renewed["loaded"] += renewals(prober, busy, binding, SECONDS)
            assert await count(here, _COMMITTED, [busy]) > before, "the writers wrote nothing"
            killed["quiet"] += await kills(prober, desk)
            for clients, took in ((many, killed), (paying, queued)):
                before = await count(here, _COMMITTED, clients)
                with loaded(port, clients, 1):
                    took["loaded"] += await kills(prober, desk)
                assert await count(here, _COMMITTED, clients) > before, "they did nothing"
        assert await count(here, _AFTER, many + paying) == 0, "a call was granted after a kill"
    record(f"renewal under {WRITERS} writers of the session", renewed)
    record(f"kill of the tenant under {CLIENTS} clients", killed)
    record(f"kill of the tenant under {CLIENTS} clients who are counted together", queued)


def record(name: str, took: dict[str, list[float]]) -> None:
    """Print one record."""
    quiet, busy = took["quiet"], took["loaded"]
    tell(
        {
            "name": name,
            "ratio": round(statistics.median(busy) / statistics.median(quiet), 2),
            "quiet_p50_ms": round(statistics.median(quiet), 2),
            "loaded_p50_ms": round(statistics.median(busy), 2),
            "quiet_most_ms": round(max(quiet), 2),
            "loaded_most_ms": round(max(busy), 2),
            "samples": [len(quiet), len(busy)],
            "python": sys.version.split()[0],
        }
    )


def tell(told: dict[str, object]) -> None:
    """Print one line of JSON."""
    print(json.dumps(told), flush=True)  # noqa: T201 -- a benchmark prints its figures


def main() -> None:
    """Start what is measured, measure it, and end it."""
    with (
        stand.standing("placet_bench") as (here,),
        stand.served(__spec__.name, here) as (port, _),
    ):
        uvloop.run(measure(here, port))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", *rest]:
            stand.serve(*rest)
        case ["load", port, writers, seats]:
            known = msgspec.json.decode(seats, type=list[Seat])
            uvloop.run(load(int(port), known, int(writers)))
        case _:
            main()
