"""What a large export takes: `python -m tests.benchmarks.exporting`.

A tenant with a million events in a thousand streams (`PLACET_BENCH_EVENTS` makes it smaller), as
the database chains them. Everything is exported over HTTP into a file while the resident memory of
the serving process is looked at, and the file is verified by the verifier in a process of its own.
One JSON record: rates in events per second, memory in MB, and what an event costs the serving
process of a processor, in microseconds: on a machine that has other work, that figure says more.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import uvloop
from tests.benchmarks import stand
from tests.benchmarks.memory import resident
from tests.benchmarks.stand import Stand
from tests.conftest import found

from placet.kernel.ids import SystemIds
from placet.storage.database import Database
from placet.tenancy.model import Role

EVENTS: Final = int(os.environ.get("PLACET_BENCH_EVENTS", "1000000"))
EACH: Final = 1_000
BUNDLES: Final = "/api/v1/audit/bundles"
_BODY: Final = '{"detail":"' + "x" * 300 + '","number":1}'
_FILL: Final = """
SELECT placet.event_append_v1(
    uuidv7(), 'run', $1,
    ARRAY(SELECT uuidv7() FROM generate_series(1, $2)),
    ARRAY(SELECT 'Stepped' FROM generate_series(1, $2)),
    ARRAY(SELECT uuid_send(gen_random_uuid()) FROM generate_series(1, $2)),
    ARRAY(SELECT convert_to($3, 'UTF8') FROM generate_series(1, $2)))
"""


async def fill(here: Stand) -> str:
    """Write the events, and return the key of an auditor of theirs."""
    db, ids = await Database.open(here.database_url), SystemIds()
    workplace = await found(db, ids)
    _, key = await workplace.person("auditor", Role.AUDITOR)
    admin = await asyncpg.connect(here.admin_url)
    await admin.execute(f"SET placet.tenant = '{workplace.tenant_id}'")
    for _ in range(-(-EVENTS // EACH)):
        await admin.execute(_FILL, workplace.founder.actor_id, EACH, _BODY)
    await admin.execute("VACUUM ANALYZE")
    await admin.close()
    await db.close()
    return key


def worked(pid: int) -> float:
    """Return the seconds of a processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def export(port: int, key: str, file: Path, pid: int) -> tuple[float, float, float]:
    """Export everything into a file.

    Return the seconds, those that the serving process worked, and the most memory on the way.
    """
    most = resident(pid)
    headers = {"Authorization": f"Bearer {key}"}
    address = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=address, timeout=600) as client:
        # What waits enters the log first, so many events at each attempt.
        while True:
            async with client.stream("GET", BUNDLES, headers=headers) as answer:
                if answer.status_code != 503:
                    break
    begun, before = time.perf_counter(), worked(pid)
    async with (
        httpx.AsyncClient(base_url=address, timeout=600) as client,
        client.stream("GET", BUNDLES, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        with file.open("wb") as whole:
            async for part in answer.aiter_bytes(1 << 20):
                whole.write(part)
                most = max(most, await asyncio.to_thread(resident, pid))
    return time.perf_counter() - begun, worked(pid) - before, most


def verify(file: Path) -> tuple[int, float, float]:
    """Verify a file. Return how many events it has, the seconds, and the most memory."""
    begun = time.perf_counter()
    done = subprocess.run(  # noqa: S603 -- our own interpreter
        [sys.executable, "-m", "placet.evidence.verify", str(file), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - begun
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return json.loads(done.stdout)["events"], seconds, most


async def measure(here: Stand, port: int, pid: int) -> None:
    """Fill, export, verify, and print the record."""
    key = await fill(here)
    before = resident(pid)
    file = here.folder / "all.jsonl"
    exporting, cpu, most = await export(port, key, file, pid)
    events, verifying, verifier = verify(file)
    record = {
        "name": "export and verification of a whole tenant",
        "events": events,
        "bytes": file.stat().st_size,
        "exported_per_second": round(events / exporting),
        "server_cpu_us_per_event": round(cpu / events * 1e6, 1),
        "server_mb": {"before": before, "most": most},
        "verified_per_second": round(events / verifying),
        "verifier_mb": round(verifier, 1),
    }
    print(json.dumps(record), flush=True)  # noqa: T201 -- a benchmark prints its figures


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
