"""What the benchmarks of the runtime stand on: a database, a service on it, agents over HTTP.

The service runs in a process of its own, as it is served; the agents are sockets of this process,
which send each request as soon as the one before it is answered. `PLACET_TEST_DATABASE_URL` names
another Postgres than the embedded one. `PLACET_BENCH_ROUNDS` and `PLACET_BENCH_SECONDS` make a run
shorter; what comes of fewer than five rounds of five seconds is a sketch.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from os import environ
from pathlib import Path
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

import asyncpg
import httpx
import msgspec
from litestar import Litestar
from tests.conftest import PASSWORDS, Server, found
from tests.replay.desk import REQUEST_HASH, Desk, Worker
from tests.server.conftest import started

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import SystemIds
from placet.kernel.value import Value
from placet.server.app import create_app
from placet.server.run import Service, config_for, listen
from placet.settings import Settings
from placet.storage.database import Database, HotPool, HotRow
from placet.storage.embedded.cluster import ensure
from placet.storage.migrations import upgrade
from placet.storage.roles import initialise
from placet.storage.warm import called

ROUNDS: Final = int(environ.get("PLACET_BENCH_ROUNDS", "5"))
SECONDS: Final = float(environ.get("PLACET_BENCH_SECONDS", "5"))
HEAD_END: Final = b"\r\n\r\n"


class Tool(Value, frozen=True):
    """What an agent calls over and over, and what it reports; both are JSON text."""

    name: str
    arguments: str
    output: str | None = None


NOTE: Final = Tool(name="note", arguments='{"text": "called back"}')
LOOK_UP: Final = Tool(
    name="lookup_order",
    arguments='{"order_id": "ord_1234abcd"}',
    output='{"status": "delivered", "total_cents": 4000}',
)
"""Another tool requires it, so every commit is remembered."""


class Stand(Value, frozen=True):
    """Where the database is, for the application and for the admin, and where keys are kept."""

    database_url: str
    admin_url: str
    folder: Path


@contextmanager
def standing(*names: str) -> Iterator[list[Stand]]:
    """Yield migrated databases that nobody else uses, and take them away again."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        folder.chmod(0o755)
        admin_url = environ.get("PLACET_TEST_DATABASE_URL")
        if admin_url is None:
            cluster = stack.enter_context(ensure(folder / "data"))
            admin_url = cluster.url("postgres", "postgres")
        yield [stack.enter_context(_migrated(Server(admin_url), name, folder)) for name in names]


@contextmanager
def _migrated(server: Server, name: str, folder: Path) -> Iterator[Stand]:
    asyncio.run(initialise(server.admin_url, PASSWORDS, database=name))
    try:
        upgrade(server.url("placet_migrator", name))
        keys = folder / name
        keys.mkdir()
        yield Stand(
            database_url=server.url("placet_app", name),
            admin_url=server.admin(name),
            folder=keys,
        )
    finally:
        asyncio.run(server.run(f'DROP DATABASE "{name}" WITH (FORCE)'))


@asynccontextmanager
async def desk_of(stand: Stand) -> AsyncIterator[tuple[Desk, Litestar]]:
    """Yield a refund desk with an approved contract, and the application of this process."""
    app = create_app(Settings(data_dir=stand.folder), stand.database_url)
    async with started(app):
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as client:
            db = app.state[Database.__name__]
            ids = SystemIds()
            desk = Desk(client, db, ids, await found(db, ids))
            await desk.approve(app.state[ServerKeys.__name__])
            yield desk, app


@contextmanager
def served(module: str, stand: Stand, *how: str) -> "Iterator[tuple[int, subprocess.Popen[str]]]":
    """Serve the application in a process of its own; yield its port and the process."""
    program = [sys.executable, "-m", module, "serve", stand.database_url, str(stand.folder), *how]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- our own interpreter
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process
        finally:
            process.terminate()


def serve(database_url: str, folder: str, how: str = "") -> None:
    """Serve until the process is ended, and print the port first.

    `alone` sends each call of a database function by itself, as a service would that never sends
    several as one statement.
    """
    if how == "alone":
        HotPool.together = _alone  # type: ignore[assignment, method-assign]  # what a benchmark is for
    app = create_app(Settings(data_dir=Path(folder)), database_url)
    listener = listen("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)  # noqa: T201 -- the parent reads it
    Service(config_for(app), app).run(sockets=[listener])


async def _alone(  # noqa: PLR0913 -- as the function that it stands for
    hot: HotPool,
    name: str,
    key: Hashable,
    session: UUID,
    arguments: tuple[object, ...],
    *,
    owed: bool = False,
) -> HotRow:
    del key, session
    return await hot.call(called(name, len(arguments)), *arguments, owed=owed)


class Line(asyncio.Protocol):
    """One connection that is asked one thing at a time."""

    def __init__(self) -> None:
        """Wait for the connection."""
        self._held = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand over an answer once all of it is there."""
        self._held += data
        head, end, body = self._held.partition(HEAD_END)
        if not end:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length or 0):
            return
        self._held = b""
        assert self._answer is not None
        self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def close(self) -> None:
        """Hang up."""
        assert self._transport is not None
        self._transport.close()

    async def ask(self, head: bytes, body: bytes) -> bytes:
        """Send a request and return the body of its answer; any answer but 200 raises."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        status, answer = await self._answer
        if status != 200:
            raise RuntimeError(answer.decode())
        return answer


class Seat(Value, frozen=True):
    """What an agent needs to work on a session over HTTP."""

    session_id: UUID
    holder: str
    key: str
    tool: Tool = NOTE


class _Granted(Value, frozen=True):
    call_id: str
    arguments_hash: str
    status: str


class _Proposed(Value, frozen=True):
    calls: list[_Granted]


class _Prepared(Value, frozen=True):
    prepared_request_id: str


class _Kept(Value, frozen=True):
    next: _Prepared


_KEPT: Final = msgspec.json.Decoder(_Kept)
_PROPOSED: Final = msgspec.json.Decoder(_Proposed)
_PREPARED: Final = msgspec.json.Decoder(_Prepared)


class Agent:
    """One agent on one session and one connection."""

    def __init__(self, line: Line, seat: Seat) -> None:
        """Hold no lease yet."""
        self.seat = seat
        self.took: list[float] = []
        self._ids = SystemIds()
        self._line = line
        self._binding = ""
        self._carried: _Prepared | None = None

    async def lease(self) -> None:
        """Take the lease for a minute, or take it again."""
        asked = {
            "action": "grant",
            "holder": self.seat.holder,
            "request_id": str(self._ids.new()),
            "ttl_seconds": 60,
        }
        answer = await self._line.ask(self._head("lease"), json.dumps(asked).encode())
        self._binding = json.loads(answer)["binding"]

    async def call(self) -> None:
        """Take one call from preflight to commit, and note how long it took in seconds."""
        began = time.perf_counter()
        prepared = _PREPARED.decode(await self.ask("preflight", {"request_hash": REQUEST_HASH}))
        await self.ask("receipts", self._receipt(await self._propose(prepared)))
        self.took.append(time.perf_counter() - began)

    async def carry(self) -> None:
        """Take one call as `call` does, its preflight carried by the receipt before it."""
        if self._carried is None:
            asked = {"request_hash": REQUEST_HASH}
            self._carried = _PREPARED.decode(await self.ask("preflight", asked))
        began = time.perf_counter()
        receipt = self._receipt(await self._propose(self._carried))
        answer = await self.ask("receipts", {**receipt, "next": {"request_hash": REQUEST_HASH}})
        self._carried = _KEPT.decode(answer).next
        self.took.append(time.perf_counter() - began)

    async def call_at_once(self) -> None:
        """Take one call as `call` does, prepared and proposed at once."""
        began = time.perf_counter()
        tool = self.seat.tool
        asked = {"tool_calls": [{"id": "call_0", "name": tool.name, "arguments": tool.arguments}]}
        (call,) = _PROPOSED.decode(await self.ask("calls", asked)).calls
        await self.ask("receipts", self._receipt(call))
        self.took.append(time.perf_counter() - began)

    async def ask(self, verb: str, body: dict[str, Any]) -> bytes:
        """Send a request under the present binding."""
        return await self._line.ask(self._head(verb), msgspec.json.encode(body))

    async def _propose(self, prepared: _Prepared) -> _Granted:
        tool = self.seat.tool
        asked = {
            "prepared_request_id": prepared.prepared_request_id,
            "request_hash": REQUEST_HASH,
            "tool_calls": [{"id": "call_0", "name": tool.name, "arguments": tool.arguments}],
        }
        (call,) = _PROPOSED.decode(await self.ask("proposals", asked)).calls
        assert call.status == "granted"
        return call

    def _receipt(self, call: _Granted) -> dict[str, Any]:
        return {
            "call_id": call.call_id,
            "idempotency_key": call.call_id,
            "status": "succeeded",
            "arguments_hash": call.arguments_hash,
            "output": self.seat.tool.output,
        }

    def _head(self, verb: str) -> bytes:
        bound = f"placet-binding: {self._binding}\r\n" if self._binding else ""
        return (
            f"POST /api/v1/replay/sessions/{self.seat.session_id}/{verb} HTTP/1.1\r\n"
            f"host: placet.test\r\nauthorization: Bearer {self.seat.key}\r\n"
            f"content-type: application/json\r\nidempotency-key: {self._ids.new()}\r\n{bound}"
        ).encode()


Way: TypeAlias = Callable[[Agent], Awaitable[None]]
"""How an agent takes one call."""


def busy_seconds(pid: int) -> float:
    """Return how long a process has had a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def agents(port: int, seats: list[Seat]) -> AsyncIterator[list[Agent]]:
    """Yield an agent with a lease for each seat."""
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(Line, "127.0.0.1", port))[1] for _ in seats]
    made = [Agent(line, seat) for line, seat in zip(lines, seats, strict=True)]
    for agent in made:
        await agent.lease()
    yield made
    for line in lines:
        line.close()


async def keep_calling(made: list[Agent], seconds: float, way: Way = Agent.call) -> float:
    """Have every agent call for so long, and return the governed calls a second."""
    began = time.perf_counter()
    before = sum(len(agent.took) for agent in made)

    async def work(agent: Agent) -> None:
        while time.perf_counter() - began < seconds:
            await way(agent)

    async with asyncio.TaskGroup() as group:
        for agent in made:
            group.create_task(work(agent))
    return (sum(len(agent.took) for agent in made) - before) / (time.perf_counter() - began)


async def seats(desk: Desk, number: int, tool: Tool = NOTE) -> list[Seat]:
    """Open so many sessions."""
    return [
        Seat(
            session_id=await desk.session(),
            holder=f"agent-{place}",
            key=desk.runtime_key,
            tool=tool,
        )
        for place in range(number)
    ]


async def settled(stand: Stand, sessions: list[UUID]) -> tuple[int, int, int]:
    """Return how many calls of these sessions are committed, their receipts, their settlements."""
    admin = await asyncpg.connect(stand.admin_url)
    row = await admin.fetchrow(
        """
        SELECT (SELECT count(*) FROM placet.replay_pending_call AS c
                WHERE c.session_id = ANY($1) AND c.commit_state = 'committed'),
               (SELECT count(*) FROM placet.replay_execution_receipt AS r
                WHERE r.session_id = ANY($1) AND NOT r.late AND NOT r.conflicting),
               (SELECT count(*) FROM placet.event AS e
                WHERE e.stream_id = ANY($1) AND e.type = 'CallSettled')
        """,
        sessions,
    )
    await admin.close()
    assert row is not None
    return row[0], row[1], row[2]


async def warm(desk: Desk) -> Worker:
    """Return a worker whose session this process remembers."""
    worker = await desk.worker(ttl_seconds=60)
    for _ in range(3):
        (call,) = await worker.propose(("note", {"text": "called back"}))
        await worker.report(call)
    return worker


async def standing_of(stand: Stand, seats: list[Seat]) -> list[tuple[int, int, int]]:
    """Return the version of each session's state, and the epoch and the fence of its lease."""
    admin = await asyncpg.connect(stand.admin_url)
    rows = await admin.fetch(
        "SELECT session_id, state_version, epoch, fence FROM placet.replay_session"
        " WHERE session_id = ANY($1)",
        [seat.session_id for seat in seats],
    )
    await admin.close()
    known = {row["session_id"]: (row["state_version"], row["epoch"], row["fence"]) for row in rows}
    return [known[seat.session_id] for seat in seats]
