"""A worker that is frozen while it holds the lease writes nothing after another took over.

`PLACET_ROUNDS` says how often each cycle is run, once by default.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from os import environ
from pathlib import Path
from typing import Any, Self

import asyncpg
import pytest
from tests.invariants.service import Service
from tests.invariants.stage import NOTE, Stage
from tests.replay.desk import Worker

TTL_SECONDS = 4
LONG_SECONDS = 60
ENDS = "SELECT lease_expires_at FROM placet.replay_session WHERE session_id = $1"


class Zombie:
    """A worker in a process of its own, on a session whose lease is its own."""

    def __init__(self, service: Service, worker: Worker, ttl_seconds: int) -> None:
        """Start it under the worker's binding; it renews its lease for so long each time."""
        asked = {
            "host": service.client.base_url.host,
            "port": service.client.base_url.port,
            "path": worker.path,
            "key": worker.desk.runtime_key,
            "binding": worker.binding,
            "holder": worker.holder,
            "ttl_seconds": ttl_seconds,
        }
        program = Path(__file__).with_name("zombie.py")
        self.process = subprocess.Popen(  # noqa: S603 -- our own program
            [sys.executable, str(program), json.dumps(asked)], stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        """Return itself: it works already."""
        return self

    def __exit__(self, *fault: object) -> None:
        """End it, if it is not ended."""
        self.process.kill()
        with self.process:
            pass

    def send(self, number: signal.Signals) -> None:
        """Freeze it, or let it go on."""
        os.kill(self.process.pid, number)

    async def told(self) -> dict[str, Any]:
        """Wait for its next line."""
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(await asyncio.to_thread(self.process.stdout.readline))
        return line

    async def rest(self) -> list[dict[str, Any]]:
        """Wait for its end, and return all that it told until then."""
        text, _ = await asyncio.to_thread(self.process.communicate)
        assert self.process.returncode == 0
        return [json.loads(line) for line in text.splitlines()]


async def taken_over(stage: Stage, worker: Worker) -> None:
    """Ask for the lease until it is free, and hold that it is as soon as it has ended."""
    begun = await stage.now()
    while True:
        at = await stage.now()
        answered = await worker.lease()
        if answered.status_code == 200:
            return
        ends = await stage.watch.fetchval(ENDS, worker.session_id)
        assert answered.json()["code"] == "lease_held"
        assert at < ends < begun + timedelta(seconds=LONG_SECONDS / 2)


WRITES = {"preflight", "proposals"}
ROUNDS = int(environ.get("PLACET_ROUNDS", "1"))
CYCLES = {"stolen": True, "stolen_again": True, "expired": False}


@pytest.mark.parametrize("_", range(ROUNDS))
@pytest.mark.parametrize("cycle", CYCLES)
async def test_a_thawed_worker_is_refused_and_its_late_receipt_is_kept(
    stage: Stage, service: Service, cycle: str, _: int
) -> None:
    ttl_seconds = LONG_SECONDS if CYCLES[cycle] else TTL_SECONDS
    first = service.worker(await stage.desk.worker(ttl_seconds=LONG_SECONDS))
    heir = service.worker(Worker(stage.desk, first.session_id))
    with Zombie(service, first, ttl_seconds) as zombie:
        for _ in range(8):
            assert (await zombie.told())["status"] == 200
        zombie.send(signal.SIGSTOP)
        if CYCLES[cycle]:
            assert (await heir.lease("steal", reason="it is frozen")).status_code == 200
        else:
            await taken_over(stage, heir)
        (call,) = await heir.propose(NOTE)
        zombie.send(signal.SIGCONT)
        *before, refused, kept, late = await zombie.rest()
    assert heir.fence > first.fence
    assert {told["code"] for told in before} <= {None, "lease_lost"}
    assert (refused["verb"] in WRITES, refused["code"]) == (True, "lease_lost")
    assert kept["status"] == 200
    assert (late["late"], late["settled"], late["call_status"]) == (True, False, "granted")
    await heir.report(call, output={})
    assert await after(stage, call) == []


async def after(stage: Stage, call: dict[str, Any]) -> list[asyncpg.Record]:
    """Return the calls of the same session that were decided after this one."""
    rows: list[asyncpg.Record] = await stage.watch.fetch(
        "SELECT later.* FROM placet.replay_pending_call AS c JOIN placet.replay_pending_call"
        " AS later USING (tenant_id, session_id)"
        " WHERE c.call_id = $1 AND later.proposed_at > c.proposed_at",
        call["call_id"],
    )
    return rows
