"""Holding the server: make, start or adopt it on the way in, stop it when the last one leaves."""

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from placet.kernel.ids import Ids, SystemIds
from placet.storage import roles
from placet.storage.embedded import layout as folder
from placet.storage.embedded import server
from placet.storage.embedded.binaries import Binaries, locate, reachable
from placet.storage.embedded.faults import StillHeld
from placet.storage.embedded.layout import Layout, Memory
from placet.storage.embedded.locks import FileLock
from placet.storage.embedded.processes import Postmaster
from placet.storage.embedded.unprivileged import User, server_user

DATABASE: Final = "placet"
SUPERUSER: Final = "postgres"


class Origin(StrEnum):
    """How the server came to run when this holder entered."""

    CREATED = "created"
    STARTED = "started"
    ADOPTED = "adopted"


class Cluster:
    """A running server, held for as long as this is open.

    `port` and `version` are of the server, `pid` is its process, `origin` says how it came to run.
    """

    def __init__(self, layout: Layout, binaries: Binaries, user: User) -> None:
        """Stand on a prepared folder. `ensure` is the way in."""
        self.origin = Origin.ADOPTED
        self.port = 0
        self.pid = 0
        self._layout = layout
        self._binaries = binaries
        self._user = user
        self._passwords: dict[str, str] = {}
        self._holding = FileLock(layout.lock("holders"))

    @property
    def version(self) -> str:
        """Return the version of the Postgres programs, for example `18.4`."""
        return self._binaries.version

    @property
    def data(self) -> Path:
        """Return the folder of the server's data."""
        return self._layout.data

    @property
    def log(self) -> Path:
        """Return the file that the server writes its log to."""
        return self._layout.log

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of a database as one role, with its password.

        `role` is `postgres` (the superuser) or one of Placet's roles that can log in; any other is
        a `KeyError`. TLS is off: the server has none, and listens on the loopback address only.
        """
        password = quote(self._passwords[role], safe="")
        return (
            f"postgresql://{role}:{password}@{server.HOST}:{self.port}/{database}?sslmode=disable"
        )

    def program(self, name: str) -> str:
        """Return the path of one of the Postgres programs, for example `psql`."""
        return self._binaries.program(name)

    def is_running(self) -> bool:
        """Tell whether the server's process lives."""
        return server.running_pid(self._layout) is not None

    def revive(self) -> Origin:
        """Start the server again if it was killed, at the same port; else change nothing."""
        with FileLock(self._layout.lock("start")):
            return self._start_or_adopt()

    def close(self) -> None:
        """Let go, and stop the server if nobody else holds it. Calling twice does nothing."""
        if self._holding.is_open:
            with FileLock(self._layout.lock("start")):
                if self._holding.try_exclusive():
                    server.stop(self._layout)
                self._holding.close()

    def __enter__(self) -> Self:
        """Return itself: it is held since `ensure`."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go."""
        self.close()

    def open(self, ids: Ids) -> None:
        """Hold the server, and make, start or adopt it. `ensure` calls it."""
        with FileLock(self._layout.lock("start")):
            self._holding.shared()
            memory = folder.read_memory(self._layout)
            if memory is None:
                memory = Memory(port=0, passwords=_new_passwords(ids))
                folder.write_memory(self._layout, memory)
            self._passwords = memory.passwords
            self.origin = self._start_or_adopt()
            if not memory.roles_made:
                self._make_roles()
                self._remember(memory, roles_made=True)

    def _start_or_adopt(self) -> Origin:
        layout, origin = self._layout, Origin.STARTED
        if layout.data.exists():
            server.check_major(layout, self._binaries)
        running = server.running_pid(layout)
        if running is not None and server.wait_until_ready(layout, running):
            self.pid, self.port = running, Postmaster(layout.data).port
            return Origin.ADOPTED
        folder.make_home(layout, self._user)
        programs = reachable(self._binaries, self._user, layout.root)
        if not layout.data.exists():
            server.make_cluster(layout, programs, self._user, self._passwords[SUPERUSER])
            origin = Origin.CREATED
        memory = folder.read_memory(layout) or Memory(port=0, passwords=self._passwords)
        self.port = server.start(layout, programs, self._user, memory.port)
        self.pid = Postmaster(layout.data).pid
        if self.port != memory.port:
            self._remember(memory)
        return origin

    def _remember(self, memory: Memory, *, roles_made: bool | None = None) -> None:
        made = memory.roles_made if roles_made is None else roles_made
        kept = Memory(port=self.port, passwords=self._passwords, roles_made=made)
        folder.write_memory(self._layout, kept)

    def _make_roles(self) -> None:
        own = {role: word for role, word in self._passwords.items() if role != SUPERUSER}
        work = roles.initialise(self.url(SUPERUSER, SUPERUSER), own, DATABASE)
        # In a thread of its own, so that it also works where an event loop is running.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, work).result()


def ensure(data_dir: Path, pg_bin: Path | None = None, ids: Ids | None = None) -> Cluster:
    """Return the server of `data_dir`, made, started or adopted as need be. Blocking.

    Use it as a context manager, or `close` it. On first use the cluster is made, with Placet's
    roles, its database and its schema, and with random passwords. `pg_bin` names the folder of
    other Postgres programs. Every refusal is an `Unusable`.
    """
    layout = folder.prepare(data_dir)
    cluster = Cluster(layout, locate(pg_bin), server_user(layout.data))
    try:
        cluster.open(ids or SystemIds())
    except BaseException:
        cluster.close()
        raise
    return cluster


def runs(data_dir: Path) -> bool:
    """Tell whether a server runs on the folder, whoever holds it. Makes nothing."""
    return data_dir.exists() and server.running_pid(folder.prepare(data_dir)) is not None


def stop_unheld(data_dir: Path) -> bool:
    """Stop a server that nobody holds any more. Returns whether one ran.

    Refuses `StillHeld` while somebody uses it.
    """
    with _alone(data_dir) as layout:
        ran = server.running_pid(layout) is not None
        server.stop(layout)
        return ran


def remove(data_dir: Path) -> None:
    """Stop the server and remove all its data and passwords. Refuses `StillHeld`."""
    with _alone(data_dir) as layout:
        server.stop(layout)
        folder.remove(layout)


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[Layout]:
    layout = folder.prepare(data_dir)
    with FileLock(layout.lock("start")), contextlib.closing(FileLock(layout.lock("holders"))) as h:
        if not h.try_exclusive():
            raise StillHeld(
                detail=f"another process uses the Postgres in `{layout.root}`",
                remedy="end that process first; the server stops with the last one that uses it",
            )
        yield layout


def _new_passwords(ids: Ids) -> dict[str, str]:
    return {role: roles.new_password(ids) for role in (SUPERUSER, *roles.LOGINS)}
