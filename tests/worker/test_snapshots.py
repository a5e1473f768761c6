"""The loop that takes snapshots, beside a service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from litestar import Litestar
from tests.replay.desk import Desk
from tests.replay.desk_on import desk_on
from tests.server.conftest import started

from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.replay.snapshots import taking
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.work import SNAPSHOT_SESSION, put_due
from placet.worker.snapshots import snapshots, take_for_ever


@pytest.fixture
async def app(database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    """A service without its loops."""
    async with started(create_app(Settings(data_dir=tmp_path), database_url)) as made:
        yield made


@pytest.fixture
async def desk(app: Litestar, ids: Ids) -> AsyncIterator[Desk]:
    """A refund desk."""
    async with desk_on(app, ids, Desk) as made:
        yield made


async def test_two_loops_take_the_snapshots_that_are_due_and_pass_over_what_is_no_session(
    app: Litestar, desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "SNAPSHOT_EVENTS", 2)
    first, second = await desk.worker(), await desk.worker()
    loops = [
        asyncio.create_task(take_for_ever(desk.db, 0.01)),
        asyncio.create_task(snapshots({Runtime.__name__: app.state[Runtime.__name__]})),
    ]
    for worker in (first, second):
        async with desk.db.writing(desk.workplace.founder) as tx:
            await put_due(tx, SNAPSHOT_SESSION, worker.session_id, await tx.now())
        path = f"{worker.path}/snapshots"
        while not (taken := (await desk.get(path, desk.operator_key)).json()["items"]):
            assert not any(loop.done() for loop in loops)
        assert [one["seq"] for one in taken] == [2]
        # What is due is no session: it is told of, and the next one is looked at all the same.
        async with desk.db.writing(desk.workplace.founder) as tx:
            await put_due(tx, SNAPSHOT_SESSION, desk.ids.new(), await tx.now())
    for loop in loops:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop
    levels = {record.levelname for record in caplog.records if record.name == "placet.worker"}
    assert levels <= {"WARNING"}
