"""The loop that writes endings down, beside a service."""

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
from placet.server.app import create_app
from placet.settings import Settings
from placet.worker.endings import write_endings_for_ever


@pytest.fixture
async def app(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    async with started(create_app(Settings(data_dir=tmp_path), fresh_database_url)) as made:
        yield made


@pytest.fixture
async def desk(app: Litestar, ids: Ids) -> AsyncIterator[Desk]:
    """A refund desk on a database that no other loop looks at."""
    async with desk_on(app, ids, Desk) as made:
        yield made


async def test_two_loops_end_a_revoked_session_once(
    app: Litestar, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = app.state[Runtime.__name__]
    worker = await desk.worker()
    path = f"/api/v1/studio/approvals/{desk.approval_id}/revoke"
    revoked = await desk.post(path, {"reason": "it pays too much"}, desk.operator_key)
    assert revoked.status_code == 200
    loops = [asyncio.create_task(write_endings_for_ever(runtime, 0.01)) for _ in range(2)]
    while (await worker.read())["ended_at"] is None:
        assert not any(loop.done() for loop in loops)
    for loop in loops:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop
    assert [event["type"] for event in await worker.events()].count("SessionStopped") == 1
    assert [record for record in caplog.records if record.name == "placet.worker"] == []
