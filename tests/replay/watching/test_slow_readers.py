"""A reader that never reads: what is kept for it does not grow, and it holds up no end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from itertools import pairwise
from pathlib import Path

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.replay.desk import Desk, Worker

from placet.replay.watching import service
from placet.replay.watching.service import SessionWatches
from placet.server import connections, run
from placet.server.app import create_app
from placet.server.connections import GuardedConnection
from placet.server.run import Service, config_for, listen
from placet.settings import Settings

SECONDS_MAX = 60.0
EVENTS = 300
BODY_BYTES = 60_000
HELD_MAX = 4 * BODY_BYTES
LOOKS = 20
SLOWLY = 40


@pytest.fixture
async def worker(desk: Desk, server: Server, database_name: str) -> Worker:
    """A worker in whose session far more happened than any socket takes in."""
    worker = await desk.worker()
    admin = await asyncpg.connect(server.admin(database_name))
    row = await admin.fetchrow(
        "SELECT * FROM placet.event WHERE stream_id = $1 AND seq = 2", worker.session_id
    )
    assert row is not None
    leaves = [row["leaf"], *(bytes([seq % 256, seq // 256]) * 16 for seq in range(3, EVENTS + 1))]
    chained = (
        {**row, "seq": seq, "event_id": desk.ids.new(), "prev": prev, "leaf": leaf}
        for seq, (prev, leaf) in enumerate(pairwise(leaves), 3)
    )
    places = ", ".join(f"${place}" for place, _ in enumerate(row.keys(), 1))
    await admin.executemany(
        f"INSERT INTO placet.event VALUES ({places})",  # noqa: S608 -- as many places as columns
        [tuple(one.values()) for one in chained],
    )
    await admin.execute(
        "INSERT INTO placet.event_body SELECT tenant_id, stream_id, n, salt,"
        " convert_to(to_json(repeat('x', $3))::text, 'UTF8')"
        " FROM placet.event_body, generate_series(3, $2) AS n WHERE stream_id = $1 AND seq = 2",
        worker.session_id,
        EVENTS,
        BODY_BYTES,
    )
    await admin.execute(
        "UPDATE placet.replay_session SET next_seq = $2 WHERE session_id = $1",
        worker.session_id,
        EVENTS + 1,
    )
    await admin.close()
    return worker


class Watched(Service):
    """A service whose followers can be counted."""

    app: Litestar

    @property
    def watches(self) -> SessionWatches:
        """Return who follows what."""
        found = self.app.state[SessionWatches.__name__]
        assert isinstance(found, SessionWatches)
        return found


@asynccontextmanager
async def serving(database_url: str, folder: Path) -> AsyncIterator[tuple[Watched, str, int]]:
    """Serve in this event loop, and end within the time that an end may take."""
    app = create_app(Settings(data_dir=folder), database_url)
    with closing(listen("127.0.0.1", 0)) as listener:
        ready = asyncio.Event()
        running = Watched(config_for(app), app, ready.set)
        running.app = app
        task = asyncio.create_task(running.serve(sockets=[listener]))
        async with asyncio.timeout(SECONDS_MAX):
            await ready.wait()
        yield running, *listener.getsockname()[:2]
        running.should_exit = True
        async with asyncio.timeout(SECONDS_MAX):
            await task


def following(worker: Worker, host: str, port: int, after: int = 0) -> socket.socket:
    """Ask for the events of a session, and never read what is sent."""
    silent = socket.socket()
    silent.settimeout(SECONDS_MAX)
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.connect((host, port))
    silent.sendall(
        f"GET {worker.path}/events?after={after} HTTP/1.1\r\nHost: {host}\r\n"
        "Accept: text/event-stream\r\n"
        f"Authorization: Bearer {worker.desk.runtime_key}\r\n\r\n".encode()
    )
    return silent


def held(running: Service) -> dict[bool, int]:
    """Return how many bytes wait to be sent, to whom more is sent and to whom no more."""
    found = {False: 0, True: 0}
    for connection in running.server_state.connections:
        assert isinstance(connection, GuardedConnection)
        if not connection.transport.is_closing():
            found[connection.flow.write_paused] += connection.transport.get_write_buffer_size()
    return found


async def test_nothing_piles_up_for_a_reader_that_never_reads_and_the_service_still_ends(
    worker: Worker, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "GRACE_SECONDS", 1)
    async with (
        serving(database_url, tmp_path) as (running, host, port),
        httpx.AsyncClient(
            base_url=f"http://{host}:{port}",
            headers={"Authorization": f"Bearer {worker.desk.runtime_key}"},
        ) as client,
    ):
        with closing(following(worker, host, port)):
            async with asyncio.timeout(SECONDS_MAX):
                while not held(running)[True]:
                    assert (await client.get(worker.path)).status_code == 200
            before = held(running)[True]
            for _ in range(LOOKS):
                assert (await client.get(worker.path)).status_code == 200
            assert held(running)[True] == before <= HELD_MAX < EVENTS * BODY_BYTES
            running.should_exit = True


async def test_a_reader_that_never_reads_is_cut_off_and_gives_its_place_back(
    worker: Worker, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(service, "WATCHERS_OF_TENANT_MAX", 1)
    tenant = worker.desk.workplace.tenant_id
    async with serving(database_url, tmp_path) as (running, host, port):
        watches = running.watches
        with closing(following(worker, host, port)):
            async with asyncio.timeout(SECONDS_MAX):
                while not held(running)[True]:  # noqa: ASYNC110 -- a socket rings no bell
                    await asyncio.sleep(0)
                assert not watches.has_room(tenant)
                while running.server_state.connections or not watches.has_room(tenant):  # noqa: ASYNC110 -- as above
                    await asyncio.sleep(0)


async def test_a_reader_that_is_slow_and_reads_is_sent_everything(
    worker: Worker, database_url: str, tmp_path: Path
) -> None:
    got, last = bytearray(), f"id: {EVENTS}\n".encode()
    async with serving(database_url, tmp_path) as (running, host, port):
        with closing(following(worker, host, port, after=EVENTS - SLOWLY)) as slow:
            async with asyncio.timeout(SECONDS_MAX):
                while last not in got[-2 * BODY_BYTES :]:
                    got += await asyncio.to_thread(slow.recv, 16_384)
            (connection,) = running.server_state.connections
            assert isinstance(connection, GuardedConnection)
            assert not connection.is_stalling
    assert got.count(b"\nevent: ") == SLOWLY
