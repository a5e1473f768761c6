"""A place for the command line to work in: its own folder, its own environment."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from placet.cli import service
from placet.cli.main import run
from placet.storage.embedded.cluster import Cluster, ensure, remove


class Done(NamedTuple):
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


Placet = Callable[..., Done]
ROOM_NEEDED = 1024**3


def _folder() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 -- each test makes a folder of its own in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_NEEDED
    return Path(tempfile.mkdtemp(prefix="placet-", dir=memory if roomy else None))


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty data folder, which the server's user can enter once it is in use."""
    path = _folder()
    yield path
    if running := service.find(path):
        service.end(path, running)
    remove(path)
    shutil.rmtree(path)


@pytest.fixture
def environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command sees: none of our own settings, but the folder and a free port."""
    for name in os.environ:
        if name.startswith("PLACET_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PLACET_CONFIG", os.devnull)
    monkeypatch.setenv("PLACET_DATA_DIR", str(folder))
    monkeypatch.setenv("PLACET_PORT", "0")


@pytest.fixture
def placet(
    environment: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Placet:
    """Run a command line in this process: `placet("doctor", PLACET_PORT="1")`."""

    def command(*arguments: str, **variables: str) -> Done:
        capfd.readouterr()
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            try:
                code = run(arguments)
            finally:
                # A start has set up its own, into a stream that is read here and closed.
                root.handlers[:], root.level = handlers, level
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Done(returncode=code, stdout=out, stderr=err)

    del environment
    return command


@pytest.fixture(scope="session")
def foreign() -> Iterator[Cluster]:
    """A Postgres that stands for one of the operator's own."""
    path = _folder()
    with ensure(path) as cluster:
        yield cluster
    shutil.rmtree(path)
