"""Folders in which another user can run a server, and a cluster that was made once."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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
