"""Bundles of a service whose keys ended, each test with keys of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import Litestar
from tests.audit.bundles.taking import (
    auditor_of,
    kinds_in,
    of_kind,
    streams_in,
    worked,
)
from tests.replay.desk import Desk
from tests.replay.desk_on import desk_on
from tests.server.conftest import started

from placet.authority.key_changes import service as key_changes
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings


@pytest.fixture
async def app(tmp_path: Path, database_url: str) -> AsyncIterator[Litestar]:
    """An application with keys of its own."""
    async with started(create_app(Settings(data_dir=tmp_path), database_url)) as made:
        yield made


@pytest.fixture
async def desk(app: Litestar, ids: Ids) -> AsyncIterator[Desk]:
    """A refund desk on it."""
    async with desk_on(app, ids, Desk) as made:
        yield made


async def end(desk: Desk, keys: ServerKeys, key_id: str) -> None:
    """End a key of the service, and let it take another."""
    async with desk.db.writing(NOBODY) as tx:
        key, ending = await key_changes.end_key(tx, key_id, "it was copied")
    tenant = desk.runtime.tenant_id
    assert await key_changes.tell_tenant(desk.db, tenant, key, ending, desk.ids)
    await keys.turn(desk.db)


async def test_a_key_that_ended_counts_below_its_place_in_the_log(
    desk: Desk, app: Litestar
) -> None:
    auditor, worker = await auditor_of(desk), await worked(desk)
    before = await auditor.take(session_id=worker.session_id)
    place = of_kind(before, "inclusion")[0]["size"]
    keys: ServerKeys = app.state[ServerKeys.__name__]
    await end(desk, keys, keys.grant.key_id)
    await worker.look_up("ord_bbbbbbbb")
    after = await auditor.take(session_id=worker.session_id)
    mine = [
        line for line in of_kind(after, "inclusion") if line["stream_id"] == str(worker.session_id)
    ]
    assert len(mine) == 2
    assert min(line["index"] for line in mine) < place <= max(line["index"] for line in mine)


async def test_a_session_under_an_artifact_of_such_a_key_brings_the_approval_that_proves_it(
    desk: Desk, app: Litestar
) -> None:
    auditor = await auditor_of(desk)
    before = await auditor.take(session_id=(await worked(desk)).session_id)
    assert "workspace" not in kinds_in(before)
    keys: ServerKeys = app.state[ServerKeys.__name__]
    await end(desk, keys, keys.artifact.key_id)
    lines = await auditor.take(session_id=(await worked(desk)).session_id)
    assert str(desk.workspace.workspace_id) in streams_in(lines)
