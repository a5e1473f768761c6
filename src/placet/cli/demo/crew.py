"""Workers as the demo sees them: processes that are started, listened to, frozen and killed.

Each is a process group of its own. Ctrl-C at the terminal reaches the demo alone, which ends them;
and if the demo itself is killed, the system wakes a frozen one, which finds its input closed.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import msgspec

from placet.cli.demo.errand import Errand, News
from placet.cli.exits import CommandRefused, Exit

_NEWS_SECONDS: Final = 60.0
_END_SECONDS: Final = 20.0
_DECODER: Final[msgspec.json.Decoder[News]] = msgspec.json.Decoder(News)

T = TypeVar("T", bound=News)


class Worker:
    """One worker's process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        """Take its name in the story, its process, and the file with its words on stderr."""
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    async def hears(self, line: bytes) -> None:
        """Send it a line."""
        assert self._process.stdin is not None  # noqa: S101 -- narrows the type; it was piped
        self._process.stdin.write(line + b"\n")
        await self._process.stdin.drain()

    async def go_on(self) -> None:
        """End its pause."""
        await self.hears(b"go on")

    async def says(self, what: type[T]) -> T:
        """Return what it says next. Refuses `CommandRefused` if it ends or says something else."""
        news = await self._next()
        if not isinstance(news, what):
            self._fail(f"said `{news}` where the story has {what.__name__}")
        return news

    def freeze(self) -> None:
        """Stop it where it is, and wait until it has stopped."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let it run on."""
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> int:
        """End it at once, as a crash does, and return how it ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()

    async def ends(self) -> None:
        """Wait for its orderly end. Refuses `CommandRefused` if it fails."""
        try:
            async with asyncio.timeout(_END_SECONDS):
                code = await self._process.wait()
        except TimeoutError:
            self._fail(f"does not end within {_END_SECONDS:.0f} s")
        if code:
            self._fail(f"ended with code {code}")

    async def _next(self) -> News:
        assert self._process.stdout is not None  # noqa: S101 -- narrows the type; it was piped
        try:
            async with asyncio.timeout(_NEWS_SECONDS):
                line = await self._process.stdout.readline()
        except TimeoutError:
            self._fail(f"says nothing for {_NEWS_SECONDS:.0f} s")
        if not line:
            self._fail(f"ended too early, with code {await self._process.wait()}")
        return _DECODER.decode(line)

    def _fail(self, what: str) -> NoReturn:
        raise CommandRefused(
            detail=f"{self.name} {what}", remedy=f"read `{self.log}`", code=Exit.FAILED
        )


class Crew:
    """All workers of one run."""

    def __init__(self, log: Path) -> None:
        """Take the file for what workers write to stderr."""
        self._log = log
        self._workers: list[Worker] = []

    async def start(self, name: str, errand: Errand) -> Worker:
        """Start a worker on an errand. The key goes by its input, never by its arguments."""
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "placet.cli.demo.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                process_group=0,
            )
        worker = Worker(name, process, self._log)
        self._workers.append(worker)
        await worker.hears(msgspec.json.encode(errand))
        return worker

    async def kill_all(self) -> None:
        """End every worker that still runs, frozen ones too."""
        for worker in self._workers:
            await worker.kill()


@contextlib.asynccontextmanager
async def hired(log: Path) -> AsyncIterator[Crew]:
    """Have a crew for as long as the block lasts; afterwards none of it runs."""
    crew = Crew(log)
    try:
        yield crew
    finally:
        await crew.kill_all()
