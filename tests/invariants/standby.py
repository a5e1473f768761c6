"""A second Postgres that follows the first, and may be put in its place."""

import os
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from placet.storage.embedded import layout as folder
from placet.storage.embedded.binaries import locate, reachable
from placet.storage.embedded.cluster import SUPERUSER, Cluster
from placet.storage.embedded.ports import free_port
from placet.storage.embedded.unprivileged import server_user

HOST: Final = "127.0.0.1"
CONNECTIONS_MAX: Final = 200


class Standby:
    """A copy of a cluster as it was a moment ago, which then streams what is written there."""

    def __init__(self, primary: Cluster, place: Path, *, follows: bool = True) -> None:
        """Copy the primary to a folder; a copy that does not follow stays as it is. Blocking."""
        self._primary = primary
        self._layout = folder.prepare(place)
        self._user = server_user(primary.data)
        self._programs = reachable(locate(None), self._user, self._layout.root)
        self._port = free_port(HOST)
        folder.make_home(self._layout, self._user)
        source = primary.url(SUPERUSER, SUPERUSER)
        told = ["--wal-method=stream", "--checkpoint=fast"]
        told += ["--write-recovery-conf"] if follows else []
        self._run("pg_basebackup", f"--dbname={source}", f"--pgdata={self._layout.data}", *told)

    def start(self) -> None:
        """Start it, and wait until it takes connections. Blocking."""
        # One that follows may not take fewer connections than the one it follows.
        settings = {
            "port": self._port,
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "max_connections": CONNECTIONS_MAX,
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._control("start", f"--options={options}", f"--log={self._layout.log}")

    def is_running(self) -> bool:
        """Tell whether it was started and has not been stopped."""
        return (self._layout.data / "postmaster.pid").exists()

    def stop(self) -> None:
        """Stop it. Blocking."""
        self._control("stop", "--mode=immediate")

    def url(self, role: str) -> str:
        """Return where a role connects to it."""
        parts = urlsplit(self._primary.url(role))
        place = f"{parts.netloc.rpartition(':')[0]}:{self._port}"
        return urlunsplit(parts._replace(netloc=place))

    async def promote(self) -> None:
        """Put it in the place of the primary."""
        connection = await asyncpg.connect(self.url(SUPERUSER))
        assert await connection.fetchval("SELECT pg_promote(true, 30)")
        await connection.close()

    def _control(self, what: str, *more: str) -> None:
        self._run("pg_ctl", what, f"--pgdata={self._layout.data}", "--wait", "--silent", *more)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603 -- a program of Postgres
            [self._programs.program(program), *arguments],
            check=True,
            cwd=self._layout.home,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            **self._user.options(),
        )
