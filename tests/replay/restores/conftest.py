"""A refund desk on a database of its own, whose server may change beneath it."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server, found
from tests.replay.asks.people import AskDesk, asking
from tests.replay.desk import Desk, Worker
from tests.server.conftest import started

from placet.authority.server_keys import ServerKeys
from placet.evidence.fields import Fence
from placet.kernel.ids import Ids, TenantId
from placet.replay.calls.fold import fold
from placet.replay.restores.model import RestoreReport
from placet.replay.restores.outside import Outside
from placet.replay.restores.procedure import restore
from placet.replay.sessions.rules import encode_state
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database

ELSEWHERE = "UPDATE placet.storage_epoch SET timeline = timeline + 1"
STATE = "SELECT state FROM placet.replay_session WHERE session_id = $1"
TOLD = """
SELECT e.type, b.body FROM placet.event AS e JOIN placet.event_body AS b
USING (tenant_id, stream_id, seq) WHERE e.stream_id = $1 ORDER BY e.seq
"""


D = TypeVar("D", bound=Desk)


@dataclass
class Bench:
    """The desk, and a superuser's and the migrator's connections to its database."""

    desk: Desk
    app: Litestar
    db: Database
    ids: Ids
    admin: "asyncpg.Connection[Any]"
    migrator: "asyncpg.Connection[Any]"
    witness: Path

    async def fail_over(self) -> None:
        """Let the database stand on another timeline than the epoch was raised for."""
        await self.admin.execute(ELSEWHERE)

    async def restore(
        self,
        witness: Path | None = None,
        controls: Mapping[TenantId, Outside] | None = None,
        *,
        again: bool = False,
    ) -> RestoreReport:
        """Do what `placet restore --verify` does."""
        return await restore(self.db, self.migrator, witness, controls or {}, self.ids, again=again)

    async def close(self, epoch: int = 2**53 - 1) -> httpx.Response:
        """Close the lost ranges up to an epoch as the operator."""
        path = "/api/v1/authority/recovery/close"
        body = {"epoch": epoch, "reason": "nothing was lost"}
        return await self.desk.post(path, body, self.desk.operator_key)

    async def is_whole(self, worker: Worker) -> bool:
        """Tell whether a session's state is the fold of its events."""
        state = await self.admin.fetchval(STATE, worker.session_id)
        rows = await self.admin.fetch(TOLD, worker.session_id)
        return bool(encode_state(fold((row["type"], row["body"]) for row in rows)) == state)

    async def fence(self, worker: Worker) -> Fence:
        """Return the fence of a session as its row has it."""
        query = "SELECT epoch, fence FROM placet.replay_session WHERE session_id = $1"
        row = await self.admin.fetchrow(query, worker.session_id)
        assert row is not None
        return Fence(epoch=row["epoch"], n=row["fence"])


@contextlib.asynccontextmanager
async def benched(
    kind: type[D], server: Server, url: str, ids: Ids, folder: Path
) -> AsyncIterator[tuple[Bench, D]]:
    """Run a service on a database of its own, with a desk of this kind that has no contract yet."""
    name = urlsplit(url).path[1:]
    async with contextlib.AsyncExitStack() as stack:
        witness = folder / "witness"
        witness.mkdir()
        settings = Settings(data_dir=folder / "data", witness_dir=witness)
        made = create_app(settings, url)
        app = await stack.enter_async_context(started(made))
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://placet.test")
        )
        db = app.state[Database.__name__]
        desk = kind(client, db, ids, await found(db, ids))
        admin = await asyncpg.connect(server.admin(name))
        stack.push_async_callback(admin.close)
        migrator = await asyncpg.connect(server.url("placet_migrator", name))
        stack.push_async_callback(migrator.close)
        yield Bench(desk, app, db, ids, admin, migrator, witness), desk


@pytest.fixture
async def bench(
    server: Server, fresh_database_url: str, ids: Ids, tmp_path: Path
) -> AsyncIterator[Bench]:
    async with benched(Desk, server, fresh_database_url, ids, tmp_path) as (made, desk):
        await desk.approve(made.app.state[ServerKeys.__name__])
        yield made


@pytest.fixture
async def asking_bench(
    server: Server, fresh_database_url: str, ids: Ids, tmp_path: Path
) -> AsyncIterator[tuple[Bench, AskDesk]]:
    async with benched(AskDesk, server, fresh_database_url, ids, tmp_path) as (made, desk):
        await desk.approve_asking(made.app.state[ServerKeys.__name__], asking())
        yield made, desk
