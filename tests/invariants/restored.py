"""A copy of a cluster that is taken back to a point in its WAL, as from a backup and an archive."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from tests.invariants.standby import Standby

from placet.kernel.ids import Ids
from placet.storage.embedded.cluster import SUPERUSER, Cluster

BACK_SECONDS = 120


class Restored(Standby):
    """A base backup, which becomes a server of its own at a point that comes after it."""

    def __init__(self, primary: Cluster, place: Path) -> None:
        """Take the base backup. Blocking."""
        super().__init__(primary, place, follows=False)
        self._archive = self._layout.home / "archive"

    def recover(self, lsn: str) -> None:
        """Archive what the primary has written since, and come to be as it was here. Blocking."""
        source = self._primary.data / "pg_wal"
        self._archive.mkdir()
        for segment in source.iterdir():
            if segment.is_file():
                shutil.copy(segment, self._archive)
        for path in (self._archive, *self._archive.iterdir()):
            os.chown(path, self._user.uid, self._user.gid)
        settings = {
            "restore_command": f"cp {self._archive}/%f %p",
            "recovery_target_lsn": lsn,
            "recovery_target_action": "promote",
        }
        with (self._layout.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        (self._layout.data / "recovery.signal").touch()
        self.start()

    async def wait(self) -> None:
        """Wait until it takes writes."""
        async with asyncio.timeout(BACK_SECONDS):
            connection = await asyncpg.connect(self.url(SUPERUSER))
            while await connection.fetchval("SELECT pg_is_in_recovery()"):
                pass
            await connection.close()


@asynccontextmanager
async def backed_up(own: Cluster, ids: Ids) -> AsyncIterator[Restored]:
    """Take a base backup of a cluster, and remove all that came of it afterwards."""
    place = Path("/var/tmp") / f"placet-restored-{ids.new().hex}"  # noqa: S108 -- must be enterable by the server's own user
    copy = await asyncio.to_thread(Restored, own, place)
    try:
        yield copy
    finally:
        if await asyncio.to_thread(copy.is_running):
            await asyncio.to_thread(copy.stop)
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
