"""A Postgres that only these tests use: one whose counters are still, and that may be killed."""

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from placet.kernel.ids import Ids
from placet.storage.embedded.cluster import Cluster, ensure
from placet.storage.migrations import upgrade

QUIET = "ALTER SYSTEM SET autovacuum = off"


async def _quieten(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(QUIET)
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


@pytest.fixture(scope="session")
def own(ids: Ids) -> Iterator[Cluster]:
    """A migrated cluster of its own, with fsync on and without autovacuum."""
    folder = Path("/var/tmp") / f"placet-own-{ids.new().hex}"  # noqa: S108 -- must be enterable by the server's own user
    with ensure(folder) as cluster, ThreadPoolExecutor(1) as thread:
        upgrade(cluster.url("placet_migrator"))
        thread.submit(asyncio.run, _quieten(cluster.url("postgres"))).result()
        yield cluster
    shutil.rmtree(folder, ignore_errors=True)
