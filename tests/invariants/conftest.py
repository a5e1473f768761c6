"""Where races and crashes are played, and a Postgres that only these tests use.

Its counters are still, and it may be killed.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import PATIENCE, Server
from tests.invariants.service import Service
from tests.invariants.stage import Stage, opened

from placet.kernel.ids import Ids
from placet.storage.embedded.cluster import Cluster, ensure
from placet.storage.migrations import upgrade

QUIET = "ALTER SYSTEM SET autovacuum = off"
PATIENT = "; ".join(
    f"ALTER ROLE placet_app SET {limit} = '{PATIENCE[limit]}'" for limit in PATIENCE
)


async def _quieten(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(QUIET)
    await connection.execute(PATIENT)
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


@pytest.fixture(scope="session")
async def stage(
    server: Server, template: str, ids: Ids, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """A refund desk on a database that only these tests use, its connections in their hands."""
    name = f"placet_races_{ids.new().hex[-8:]}"
    await server.run(*server.cloning(template, name))
    async with opened(server, name, ids, tmp_path_factory.mktemp("races")) as made:
        yield made
    await server.run(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
async def service(stage: Stage) -> AsyncIterator[Service]:
    """A service of the stage in a process of its own."""
    async with Service(stage.place.folder, stage.place.database_url) as made:
        yield made
