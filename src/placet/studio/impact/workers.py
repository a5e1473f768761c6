"""The worker processes of previews: at most two, started when they are first needed.

A worker that does not answer as it should, or whose answer nobody waits for any more, is ended, and
the next preview starts another: none is asked twice after a fault. They end with the application,
and after a while in which no preview was asked for.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from placet.studio.impact.messages import LENGTH_BYTES, length_of
from placet.studio.impact.model import CandidateInvalid, PreviewBroken

WORKERS_MAX: Final = 2
IDLE_SECONDS: Final = 120.0
RETRY_SECONDS: Final = 2

_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
"""What a worker gets of the environment: how to find its code, and nothing that was given to us."""


class Worker:
    """One process, asked one thing after the other."""

    def __init__(self, process: Process) -> None:
        """Stand on a process whose input and output are pipes."""
        self.process = process

    @classmethod
    async def start(cls) -> "Worker":
        """Start a process."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "placet.studio.impact.worker",
                stdin=PIPE,
                stdout=PIPE,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
        )

    async def ask(self, asked: Iterable[bytes]) -> bytes:
        """Send frames and return the answer, without its length. Refuses `preview_broken`."""
        sending, answering = self.process.stdin, self.process.stdout
        if sending is None or answering is None:
            raise broken(detail="a worker has no pipes")
        try:
            for frame in asked:
                sending.write(frame)
                await sending.drain()
            length = length_of(await answering.readexactly(LENGTH_BYTES))
            return await answering.readexactly(length)
        except (ConnectionError, EOFError, RuntimeError, ValueError) as fault:
            raise broken(detail="a worker ended before it had answered") from fault

    async def end(self) -> None:
        """End the process, whatever it does."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class Workers:
    """The workers of one application. One preview has them all, for as long as it takes."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Begin with none; `busy` is set while a preview has them."""
        self.running: list[Worker] = []
        self._idle_seconds = idle_seconds
        self._idle: asyncio.Task[None] | None = None
        self._is_closed = False
        self.busy = asyncio.Event()

    @asynccontextmanager
    async def taken(self, count: int) -> AsyncIterator[list[Worker]]:
        """Yield so many workers; those of a block that ends with a fault are ended.

        Refuses `preview_broken` once all were closed.
        """
        if self._idle is not None:
            self._idle.cancel()
        self.running = [one for one in self.running if one.process.returncode is None]
        self.busy.set()
        try:
            await self._start(min(count, WORKERS_MAX))
            yield self.running[:count]
        except CandidateInvalid:
            raise
        except BaseException:
            await asyncio.shield(self._end())
            raise
        finally:
            self.busy.clear()
            if not self._is_closed:
                self._idle = asyncio.create_task(self._end_when_idle())

    async def close(self) -> None:
        """End all workers, for good. A preview that goes on is refused as broken."""
        self._is_closed = True
        if self._idle is not None:
            self._idle.cancel()
        await self._end()

    async def _start(self, count: int) -> None:
        while len(self.running) < count and not self._is_closed:
            self.running.append(await Worker.start())
        if self._is_closed:
            raise broken(detail="the service is ending")

    async def _end(self) -> None:
        ended, self.running = self.running, []
        for one in ended:
            await one.end()

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(self._idle_seconds)
        await self._end()


def broken(*, detail: str) -> PreviewBroken:
    """Return the refusal of a preview whose worker has ended."""
    return PreviewBroken(detail=f"{detail}; nothing was stored", retry_after_seconds=RETRY_SECONDS)
