"""A kill of Postgres under load: what was acknowledged is there, and the rest is whole or none."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from tests.conftest import found
from tests.invariants.stage import NOTE
from tests.replay.desk import REQUEST_HASH, Desk, Worker
from tests.server.conftest import started

from placet.authority.server_keys import ServerKeys
from placet.evidence.verify import verify_bundle
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database
from placet.storage.embedded.cluster import Cluster

ACKS = 300
WORKERS = 4
OK = 200
LATER = 503
BACK_SECONDS = 120


@dataclass(frozen=True)
class Ack:
    """A request that was answered with 200, and what the answer told."""

    worker: Worker
    verb: str
    body: dict[str, Any]
    told: str

    async def holds(self) -> bool:
        """Tell whether the same request again is answered as the first time."""
        answered = await patiently(self.worker, self.verb, self.body)
        return answered.status_code == OK and (
            answered.json()["replayed"] and told(answered) == self.told
        )


@dataclass
class Load:
    """What was acknowledged so far. The one that makes it enough kills the database at once."""

    postmaster: int
    enough: int = ACKS
    acks: list[Ack] = field(default_factory=list)

    async def govern(self, worker: Worker) -> None:
        """Take calls from preflight to commit until the database is gone."""
        asked = {"request_hash": REQUEST_HASH}
        while (prepared := await worker.post("preflight", asked)).status_code == OK:
            proposal = worker.proposal(prepared.json(), NOTE)
            proposed = await self._send(worker, "proposals", proposal)
            if proposed.status_code != OK:
                break
            receipt = worker.receipt(proposed.json()["calls"][0], output={})
            if (await self._send(worker, "receipts", receipt)).status_code != OK:
                break

    async def _send(self, worker: Worker, verb: str, body: dict[str, Any]) -> httpx.Response:
        answered = await worker.post(verb, body)
        if answered.status_code == OK:
            self.acks.append(Ack(worker, verb, body, told(answered)))
            if len(self.acks) == self.enough:
                os.kill(self.postmaster, signal.SIGKILL)
        else:
            assert answered.status_code == LATER, answered.text
            assert "Retry-After" in answered.headers
        return answered


def told(answered: httpx.Response) -> str:
    """Return the ids that stand in an answer."""
    body = answered.json()
    calls = body.get("calls", [body])
    return " ".join([str(body.get("receipt_id")), *(call["call_id"] for call in calls)])


async def patiently(worker: Worker, verb: str, body: dict[str, Any]) -> httpx.Response:
    """Send a request until it is answered by more than `come back later`.

    On another timeline the service waits for somebody, and so does no test.
    """
    async with asyncio.timeout(BACK_SECONDS):
        while (answered := await worker.post(verb, body)).status_code == LATER:
            if answered.json()["code"] == "recovering":
                break
    return answered


@asynccontextmanager
async def running(
    own: Cluster, ids: Ids, folder: Path, url: str | None = None
) -> AsyncIterator[Desk]:
    """Serve a refund desk on the cluster, which is reached at another URL if one is given."""
    async with AsyncExitStack() as stack:
        settings = Settings(data_dir=folder)
        app = await stack.enter_async_context(
            started(create_app(settings, url or own.url("placet_app")))
        )
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://placet.test")
        )
        db = app.state[Database.__name__]
        desk = Desk(client, db, ids, await found(db, ids))
        await desk.approve(app.state[ServerKeys.__name__])
        yield desk


async def kill_under_load(own: Cluster, desk: Desk) -> list[Ack]:
    """Kill Postgres in the midst of work, start it again, and return what it acknowledged."""
    workers = [await desk.worker(ttl_seconds=60) for _ in range(WORKERS)]
    load = Load(own.pid)
    await asyncio.gather(*(load.govern(worker) for worker in workers))
    await asyncio.to_thread(own.revive)
    assert len(load.acks) >= ACKS
    return load.acks


async def as_admin(own: Cluster, statement: str) -> None:
    connection = await asyncpg.connect(own.url("postgres"))
    await connection.execute(statement)
    await connection.close()


async def test_what_was_acknowledged_survives_a_kill_of_postgres(
    own: Cluster, ids: Ids, tmp_path: Path
) -> None:
    async with running(own, ids, tmp_path) as desk:
        acks = await kill_under_load(own, desk)
        assert [ack.verb for ack in acks if not await ack.holds()] == []
        export = "/api/v1/replay/bundle"
        key = desk.workplace.founder_key
        async with asyncio.timeout(BACK_SECONDS):
            while (bundle := await desk.get(export, key)).status_code == LATER:
                pass
        assert verify_bundle(io.BytesIO(bundle.content)).flaw is None


async def test_without_synchronous_commit_a_kill_of_postgres_loses_what_was_acknowledged(
    own: Cluster, ids: Ids, tmp_path: Path
) -> None:
    await as_admin(own, "ALTER ROLE placet_app SET synchronous_commit = off")
    try:
        async with running(own, ids, tmp_path) as desk:
            acks = await kill_under_load(own, desk)
            assert [ack.verb for ack in acks if not await ack.holds()] != []
    finally:
        await as_admin(own, "ALTER ROLE placet_app RESET synchronous_commit")
