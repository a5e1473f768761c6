"""Folders for another user's server, a cluster made once, databases seen from outside."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.conftest import Server
from tests.storage import catalog

from placet.kernel.ids import Ids
from placet.storage.embedded.cluster import Cluster, ensure, remove

ROOM_NEEDED = 1024**3


def _room() -> Path:
    """Return a folder in memory where there is room: these tests make and copy many clusters."""
    memory = Path("/dev/shm")  # noqa: S108 -- each test makes a folder of its own in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_NEEDED
    return memory if roomy else Path(tempfile.gettempdir())


def _copy(source: Path, target: Path) -> None:
    """Copy all that is in a folder, with its owners, which Python's own copies leave out."""
    cp = shutil.which("cp") or "cp"
    subprocess.run([cp, "-a", f"{source}/.", str(target)], check=True)  # noqa: S603 -- our own folders


@pytest.fixture(scope="session")
def pg_bin() -> Path | None:
    """Programs to use instead of the packaged ones."""
    named = os.environ.get("PLACET_PG_BIN")
    return Path(named) if named else None


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder, made by whoever runs the tests and entered by nobody else."""
    # pytest's own folders cannot be entered by the user to whom root leaves the server.
    path = Path(tempfile.mkdtemp(prefix="placet-", dir=_room()))
    yield path
    if path.exists():
        remove(path)
        shutil.rmtree(path)


@pytest.fixture(scope="session")
def _template(pg_bin: Path | None) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="placet-", dir=_room()))
    ensure(path, pg_bin).close()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def made(folder: Path, _template: Path) -> Path:
    """A folder with a cluster that was made and stopped."""
    _copy(_template, folder)
    return folder


@pytest.fixture(scope="session")
def own_cluster(_template: Path, pg_bin: Path | None) -> Iterator[Cluster]:
    """A running server that only these tests use, so that roles may be changed in it."""
    path = Path(tempfile.mkdtemp(prefix="placet-", dir=_room()))
    _copy(_template, path)
    with ensure(path, pg_bin) as cluster:
        yield cluster
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """The admin's connection to the shared database, for questions to its catalog."""
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def peopled(server: Server, template: str, ids: Ids) -> AsyncIterator[str]:
    """A database with a row that means nothing in every table, for two tenants."""
    name = f"placet_peopled_{ids.new().hex[-8:]}"
    await server.run(*server.cloning(template, name))
    connection = await asyncpg.connect(server.admin(name))
    await catalog.people(connection)
    await connection.close()
    yield name
    await server.run(f'DROP DATABASE "{name}" WITH (FORCE)')
