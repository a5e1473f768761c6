"""Processes that hold a server, and a question asked of one."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest


class Holder:
    """A process of its own that holds the server of a folder."""

    def __init__(self, asked: dict[str, Any]) -> None:
        """Start it. It answers when it holds, or cannot."""
        self.process = subprocess.Popen(  # noqa: S603 -- our own program
            [sys.executable, str(Path(__file__).with_name("holder.py")), json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> dict[str, Any]:
        """Wait for its next line."""
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(self.process.stdout.readline())
        return line

    def leave(self) -> None:
        """Tell it to let go, and wait until it has ended."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.communicate("leave\n")

    def kill(self) -> None:
        """Kill it, without a chance to clean up."""
        self.process.kill()
        self.process.communicate()


class StartHolder(Protocol):
    """Starts a holder of a folder."""

    def __call__(self, folder: Path, **asked: object) -> Holder:
        """Start it."""
        ...


@pytest.fixture
def hold(pg_bin: Path | None) -> Iterator[StartHolder]:
    """Start processes that hold a folder's server; those left over are ended."""
    started: list[Holder] = []

    def start(folder: Path, **asked: object) -> Holder:
        bin_folder = str(pg_bin) if pg_bin else None
        holder = Holder({"folder": str(folder), "pg_bin": bin_folder} | asked)
        started.append(holder)
        return holder

    yield start
    for holder in started:
        holder.leave()


@pytest.fixture
def ask() -> Callable[[str, str], object]:
    """Run one query at an address, and return the one value of its answer."""

    def run(url: str, query: str) -> object:
        async def asked() -> object:
            connection = await asyncpg.connect(url)
            try:
                return await connection.fetchval(query)
            finally:
                await connection.close()

        return asyncio.run(asked())

    return run
