"""What asking for an unchanged plan costs: `python -m tests.benchmarks.plan_lookup`.

The plan answered 304, by the service as it is served, against a Litestar handler that answers 304
and does nothing else, served in the same way. Rounds are interleaved; the ratio is taken within
each round and told with its spread, one JSON record for each number of clients. Every client has a
connection and a runtime key of its own; `PLACET_TEST_DATABASE_URL` names another Postgres.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import environ
from pathlib import Path
from typing import Final, cast

import httpx
import uvicorn
import uvloop
from litestar import Litestar, Response, get
from tests.conftest import PASSWORDS, Server, found
from tests.studio.story import Story

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import SystemIds
from placet.kernel.principal import Environment
from placet.server.app import create_app
from placet.server.run import Service, config_for, listen
from placet.settings import Settings
from placet.storage.database import Database
from placet.storage.embedded.cluster import ensure
from placet.storage.migrations import upgrade
from placet.storage.roles import initialise

ROUNDS: Final = 5
SECONDS: Final = 5.0
CLIENTS: Final = (1, 8, 32)
DATABASE: Final = "placet_bench"
INCONCLUSIVE_FROM: Final = 1.5
HEAD_END: Final = b"\r\n\r\n"
NOT_MODIFIED: Final = b"HTTP/1.1 304"


@get("/")
async def empty() -> Response[bytes]:
    """Answer, and do nothing else."""
    return Response(content=b"", status_code=304)


def serve(what: str, database_url: str, folder: str) -> None:
    """Serve one of the two until the process is ended, and print the port."""
    if what == "plan":
        app = create_app(Settings(data_dir=Path(folder)), database_url)
    else:
        app = Litestar([empty], openapi_config=None, logging_config=None)
    listener = listen("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)  # noqa: T201 -- the parent reads it
    config = config_for(app)
    server = Service(config, app) if what == "plan" else uvicorn.Server(config)
    server.run(sockets=[listener])


@contextmanager
def served(what: str, database_url: str, folder: str) -> Iterator[int]:
    """Serve in a process of its own, and yield the port."""
    program = [sys.executable, "-m", __spec__.name, what, database_url, folder]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- our own interpreter
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


class Asking(asyncio.Protocol):
    """Sends the same request again as soon as it is answered, and counts the answers."""

    def __init__(self, request: bytes) -> None:
        """Take the request, whose answers have no body."""
        self.answers = 0
        self.others = 0
        self._request = request
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count an answer and send the next request."""
        self._held += data
        if not self._held.endswith(HEAD_END):
            return
        self.answers += 1
        self.others += not self._held.startswith(NOT_MODIFIED)
        self._held = b""
        assert self._transport is not None
        self._transport.write(self._request)


async def rate(port: int, requests: list[bytes], seconds: float) -> float:
    """Return the answers a second that this many clients get."""
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda r=request: Asking(r), "127.0.0.1", port)  # type: ignore[misc]  # the default binds it
        for request in requests
    ]
    before = sum(asking.answers for _, asking in made)
    began = time.perf_counter()
    is_over = asyncio.Event()
    loop.call_later(seconds, is_over.set)
    await is_over.wait()
    counted = sum(asking.answers for _, asking in made) - before
    took = time.perf_counter() - began
    for transport, asking in made:
        transport.close()
        assert asking.others == 0, "an answer was none of 304: the round is void"
    return counted / took


async def prepare(database_url: str, url: str, folder: Path) -> list[bytes]:
    """Approve a contract for each client's agent, and return each client's request."""
    ids = SystemIds()
    db = await Database.open(database_url)
    keys = await ServerKeys.load(folder / "keys", db)
    workplace = await found(db, ids)
    story = Story(db, ids, workplace, keys)
    requests = []
    async with httpx.AsyncClient(base_url=url) as client:
        for number in range(max(CLIENTS)):
            agent = f"desk-{number}"
            await story.approved(agent=agent)
            _, api_key = await workplace.agent(agent, Environment.STAGING)
            path = f"/api/v1/governance/plan?agent={agent}&environment=staging"
            answer = await client.get(path, headers={"Authorization": f"Bearer {api_key}"})
            lines = (
                f"GET {path} HTTP/1.1",
                "Host: placet.test",
                f"Authorization: Bearer {api_key}",
                f"If-None-Match: {answer.headers['ETag']}",
            )
            requests.append("\r\n".join((*lines, "", "")).encode())
    await db.close()
    return requests


async def measure(plan_port: int, empty_port: int, requests: list[bytes]) -> None:
    """Run the rounds and print the figures."""
    nothing = [b"GET / HTTP/1.1\r\nHost: placet.test\r\n\r\n"] * len(requests)
    for clients in CLIENTS:
        rates: dict[str, list[float]] = {"plan": [], "empty": []}
        for seconds in (1.0, *[SECONDS] * ROUNDS):
            rates["empty"].append(await rate(empty_port, nothing[:clients], seconds))
            rates["plan"].append(await rate(plan_port, requests[:clients], seconds))
        warm = {name: figures[1:] for name, figures in rates.items()}
        ratios = [a / b for a, b in zip(warm["plan"], warm["empty"], strict=True)]
        spread = max(ratios) / min(ratios)
        record = {
            "name": "plan answered 304 against an empty handler",
            "clients": clients,
            "ratio": round(statistics.median(ratios), 2),
            "least": round(min(ratios), 2),
            "most": round(max(ratios), 2),
            "is_conclusive": spread < INCONCLUSIVE_FROM,
            "plan_per_second": round(statistics.median(warm["plan"])),
            "empty_per_second": round(statistics.median(warm["empty"])),
            "rounds": ROUNDS,
            "python": sys.version.split()[0],
        }
        print(json.dumps(record), flush=True)  # noqa: T201 -- a benchmark prints its figures


def main() -> None:
    """Start what is measured, measure it, and end it."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp"))
        Path(folder).chmod(0o755)
        admin_url = environ.get("PLACET_TEST_DATABASE_URL")
        if admin_url is None:
            cluster = stack.enter_context(ensure(Path(folder) / "data"))
            admin_url = cluster.url("postgres", "postgres")
        asyncio.run(initialise(admin_url, PASSWORDS, database=DATABASE))
        server = Server(admin_url)
        stack.callback(lambda: asyncio.run(server.run(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')))
        upgrade(server.url("placet_migrator", DATABASE))
        database_url = server.url("placet_app", DATABASE)
        plan_port = stack.enter_context(served("plan", database_url, folder))
        empty_port = stack.enter_context(served("empty", database_url, folder))
        url = f"http://127.0.0.1:{plan_port}"
        requests = asyncio.run(prepare(database_url, url, Path(folder)))
        uvloop.run(measure(plan_port, empty_port, requests))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(*sys.argv[1:])
    else:
        main()
