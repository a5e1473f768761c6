"""The log and its witness, kept beside a service at work."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from litestar import Litestar
from tests.evidence.log.scribe import Scribe
from tests.replay.desk import Desk
from tests.replay.desk_on import desk_on
from tests.server.conftest import started

from placet.authority.checkpoints.witness import path_of
from placet.authority.recovery.watch import RecoveryWatch
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

KEPT = (Database, Runtime, RecoveryWatch, Settings)
AT_WORK = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
)


@pytest.fixture
async def app(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    """A service with a witness, without its loops."""
    (tmp_path / "witness").mkdir()
    settings = Settings(data_dir=tmp_path, witness_dir=tmp_path / "witness")
    async with started(create_app(settings, fresh_database_url)) as made:
        yield made


@pytest.fixture
async def desk(app: Litestar, ids: Ids) -> AsyncIterator[Desk]:
    """A refund desk."""
    async with desk_on(app, ids, Desk) as made:
        yield made


class Looked(RecoveryWatch):
    """Counts how often somebody asked."""

    asked = 0

    def check(self) -> None:
        """Count, and answer."""
        self.asked += 1
        super().check()


async def end(loops: list[asyncio.Task[None]]) -> None:
    for loop in loops:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop


async def nobody_is_at_work(scribe: Scribe) -> None:
    """Return once the database is done with what loops were at when they were ended."""
    at_work = 1
    while at_work:
        # What one transaction sees of others stays as it was when it first looked.
        async with scribe.db.reading(scribe.who) as tx:
            at_work = (await tx.rows(AT_WORK))[0][0]


async def test_all_that_a_session_did_enters_the_log_and_its_end_is_told(
    app: Litestar, desk: Desk, tmp_path: Path
) -> None:
    scribe = Scribe(desk.db, desk.workplace.founder, desk.ids)
    ended, going = await desk.worker(), await desk.worker()
    (call,) = await ended.propose(("note", {"text": "a"}))
    await ended.report(call)
    await ended.post("close", {})
    await going.propose(("note", {"text": "b"}))
    kept = {kind.__name__: app.state[kind.__name__] for kind in KEPT}
    loops = [
        asyncio.create_task(log(kept)),
        asyncio.create_task(log_for_ever(kept[Runtime.__name__], RecoveryWatch(None), 0.01)),
        asyncio.create_task(witness(kept)),
        asyncio.create_task(push_for_ever(desk.db, tmp_path / "witness", 0.01)),
    ]
    while not await scribe.ends_told() or await scribe.waits():
        assert not any(loop.done() for loop in loops)
    file = path_of(tmp_path / "witness", desk.workplace.tenant_id)
    while not file.exists() or not file.read_bytes().endswith(b"\n"):
        assert not any(loop.done() for loop in loops)
        await asyncio.sleep(0)
    keys = [app.state[ServerKeys.__name__].checkpoint.public]
    for line in file.read_text().splitlines():
        envelope = parse_envelope(json.dumps(json.loads(line)["envelope"]).encode())
        told = verify_checkpoint(envelope, keys)
        assert told.tenant_id == desk.workplace.tenant_id
    await end(loops)
    await nobody_is_at_work(scribe)
    assert await scribe.ends_told() == [str(ended.session_id)]
    # The loops may have been ended right after they signed, and told of it.
    await scribe.advance_all()
    await scribe.check_whole()


async def test_the_loops_outlive_a_database_that_is_away(
    app: Litestar, fresh_database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = app.state[Runtime.__name__]
    gone = await Database.open(fresh_database_url)
    away = Runtime(gone, runtime.ids, runtime.clock, runtime.keys)
    await away.db.close()
    loops = [
        asyncio.create_task(log_for_ever(away, RecoveryWatch(None), 0.01)),
        asyncio.create_task(push_for_ever(away.db, tmp_path / "other", 0.01)),
    ]
    told = ("no log went on", "no checkpoints were kept outside")
    while not all(any(text in message for message in caplog.messages) for text in told):
        assert not any(loop.done() for loop in loops)
        await asyncio.sleep(0)
    await end(loops)


async def test_the_log_of_a_database_that_is_not_what_was_witnessed_is_left_as_it_is(
    app: Litestar, desk: Desk, tmp_path: Path
) -> None:
    scribe = Scribe(desk.db, desk.workplace.founder, desk.ids)
    watch = Looked(tmp_path / "away")
    await watch.look(desk.db)
    loops = [asyncio.create_task(log_for_ever(app.state[Runtime.__name__], watch, 0.0))]
    while watch.asked < 5:
        assert not loops[0].done()
        await asyncio.sleep(0)
    assert await scribe.waits()
    assert await scribe.entries() == []
    (tmp_path / "away").mkdir()
    await watch.look(desk.db)
    while await scribe.waits():
        assert not loops[0].done()
    await end(loops)
