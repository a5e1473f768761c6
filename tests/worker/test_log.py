"""The log and its witness, kept beside a service at work."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from tests.conftest import found
from tests.evidence.log.scribe import Scribe
from tests.replay.desk import Desk
from tests.server.conftest import started

from placet.authority.checkpoints.witness import path_of
from placet.authority.server_keys import ServerKeys
from placet.evidence.checkpoint import verify_checkpoint
from placet.evidence.dsse import parse_envelope
from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database
from placet.worker.log import log, log_for_ever
from placet.worker.witness import push_for_ever, witness


@pytest.fixture
async def app(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    """A service with a witness and these two loops."""
    (tmp_path / "witness").mkdir()
    settings = Settings(data_dir=tmp_path, witness_dir=tmp_path / "witness")
    made = create_app(settings, fresh_database_url, loops=(log, witness))
    async with started(made):
        yield made


@pytest.fixture
async def desk(app: Litestar, ids: Ids) -> AsyncIterator[Desk]:
    """A refund desk."""
    db = app.state[Database.__name__]
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as client:
        made = Desk(client, db, ids, await found(db, ids))
        await made.approve(app.state[ServerKeys.__name__])
        yield made


async def test_all_that_a_session_did_enters_the_log_and_its_end_is_told(
    app: Litestar, desk: Desk, tmp_path: Path
) -> None:
    scribe = Scribe(desk.db, desk.workplace.founder, desk.ids)
    ended, going = await desk.worker(), await desk.worker()
    (call,) = await ended.propose(("note", {"text": "a"}))
    await ended.report(call)
    await ended.post("close", {})
    await going.propose(("note", {"text": "b"}))
    loop = asyncio.create_task(log_for_ever(app.state[Runtime.__name__], 0.01))
    push = asyncio.create_task(push_for_ever(desk.db, tmp_path / "witness", 0.01))
    while not await scribe.ends_told() or await scribe.waits():
        assert not loop.done()
    assert await scribe.ends_told() == [str(ended.session_id)]
    await scribe.check_whole()

    file = path_of(tmp_path / "witness", desk.workplace.tenant_id)
    while not file.exists() or not file.read_bytes().endswith(b"\n"):
        assert not push.done()
        await asyncio.sleep(0)
    keys = [app.state[ServerKeys.__name__].checkpoint.public]
    for line in file.read_text().splitlines():
        envelope = parse_envelope(json.dumps(json.loads(line)["envelope"]).encode())
        told = verify_checkpoint(envelope, keys)
        assert told.tenant_id == desk.workplace.tenant_id
    for task in (loop, push):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_loops_outlive_a_database_that_is_away(
    app: Litestar, fresh_database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = app.state[Runtime.__name__]
    gone = await Database.open(fresh_database_url)
    away = Runtime(gone, runtime.ids, runtime.clock, runtime.keys)
    await away.db.close()
    loops = [
        asyncio.create_task(log_for_ever(away, 0.01)),
        asyncio.create_task(push_for_ever(away.db, tmp_path / "other", 0.01)),
    ]
    told = ("no log went on", "no checkpoints were kept outside")
    while not all(any(text in message for message in caplog.messages) for text in told):
        assert not any(loop.done() for loop in loops)
        await asyncio.sleep(0)
    for loop in loops:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop
