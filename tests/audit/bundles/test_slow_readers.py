"""A bundle whose reader never reads: little is kept for it, and its place comes back."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import pytest
from litestar import Litestar
from tests.audit.bundles.taking import BUNDLES, auditor_of
from tests.replay.desk import Desk

from placet.events.model import NewEvent, StreamId, StreamKind
from placet.events.store import append
from placet.replay.export.model import TooManyExports
from placet.replay.export.running import RUNNING_MAX, Exports, Width
from placet.server import connections
from placet.server.app import create_app
from placet.server.connections import GuardedConnection
from placet.server.run import Service, config_for, listen
from placet.settings import Settings
from placet.storage.database import Database

SECONDS_MAX: Final = 60.0
BODY_BYTES: Final = 60_000
EVENTS: Final = 200
HELD_MAX: Final = 4 * BODY_BYTES
OTHERS: Final = """
SELECT count(*) AS open FROM pg_stat_activity
WHERE usename = current_user AND datname = current_database()
    AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()
"""


@asynccontextmanager
async def serving(database_url: str, folder: Path) -> AsyncIterator[tuple[Litestar, Service, int]]:
    """Serve in this event loop; yield the application, the service and its port."""
    app = create_app(Settings(data_dir=folder), database_url)
    with closing(listen("127.0.0.1", 0)) as listener:
        ready = asyncio.Event()
        running = Service(config_for(app), app, ready.set)
        task = asyncio.create_task(running.serve(sockets=[listener]))
        async with asyncio.timeout(SECONDS_MAX):
            await ready.wait()
        yield app, running, listener.getsockname()[1]
        running.should_exit = True
        async with asyncio.timeout(SECONDS_MAX):
            await task


def asking(port: int, key: str) -> socket.socket:
    """Ask for everything of a tenant, and never read what is sent."""
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.connect(("127.0.0.1", port))
    silent.sendall(
        f"GET {BUNDLES} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    )
    return silent


def stalling(running: Service) -> list[int]:
    """Return how many bytes wait for each reader to whom no more is sent."""
    found = []
    for connection in running.server_state.connections:
        assert isinstance(connection, GuardedConnection)
        if connection.is_stalling:
            found.append(connection.transport.get_write_buffer_size())
    return found


def has_room(exports: Exports, desk: Desk) -> bool:
    try:
        with exports.begin(desk.workplace.tenant_id, Width.AUDIT) as place:
            place.leave()
    except TooManyExports:
        return False
    return True


async def in_transactions(db: Database, desk: Desk) -> int:
    """Return how many others hold a transaction open."""
    async with db.reading(desk.workplace.founder) as tx:
        (row,) = await tx.records(OTHERS)
    return int(row["open"])


async def test_whoever_never_reads_a_bundle_is_cut_off_and_gives_its_place_back(
    desk: Desk, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.5)
    monkeypatch.setitem(RUNNING_MAX, Width.AUDIT, 1)
    auditor = await auditor_of(desk)
    said = [
        NewEvent(
            event_id=desk.ids.new(),
            type="Stepped",
            salt=bytes(16),
            body=b'"%b"' % (b"x" * BODY_BYTES),
        )
        for _ in range(EVENTS)
    ]
    async with desk.db.writing(desk.workplace.founder) as tx:
        await append(tx, StreamId(desk.ids.new()), StreamKind.RUN, said)
    async with serving(database_url, tmp_path) as (app, running, port):
        exports: Exports = app.state[Exports.__name__]
        db: Database = app.state[Database.__name__]
        with closing(asking(port, auditor.key)):
            async with asyncio.timeout(SECONDS_MAX):
                while not (waiting := stalling(running)):  # noqa: ASYNC110 -- a socket rings no bell
                    await asyncio.sleep(0)
                assert max(waiting) <= HELD_MAX < EVENTS * BODY_BYTES
                assert not has_room(exports, desk)
                while await in_transactions(db, desk):
                    pass
                while running.server_state.connections or not has_room(exports, desk):  # noqa: ASYNC110 -- as above
                    await asyncio.sleep(0)
