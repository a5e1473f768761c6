"""Services in processes of their own, which may be stopped, killed, or told to fail by themselves.

They are forked off one process that has imported the program, so that each is there at once.
"""

import asyncio
import contextlib
import copy
import multiprocessing
import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Self

import httpx
from tests.replay.desk import Desk, Worker

from placet.server import failpoints
from placet.server.app import Loop
from placet.server.run import serve
from placet.settings import Settings

_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "tests.invariants.forked_from"])
_STOPPED: Final = "T"


class Service:
    """A service on a free port. It is killed when the block ends, if it was not before.

    `failing` is what it reads in the variable of its failpoints, `loops` run beside its requests.
    """

    def __init__(
        self, folder: Path, database_url: str, *, failing: str = "", loops: Sequence[Loop] = ()
    ) -> None:
        """Say what it is; it is started and takes requests once it is entered."""
        self._ready, ready = _FORKS.Pipe(duplex=False)
        settings = Settings(
            data_dir=folder, database_url=database_url, port=0, webhooks_to_loopback=True
        )
        self.process = _FORKS.Process(target=_run, args=(settings, failing, tuple(loops), ready))
        self.url = ""
        self.client = httpx.AsyncClient()

    async def __aenter__(self) -> Self:
        """Start it, and wait until it takes requests, or fails before that."""
        await asyncio.to_thread(self.process.start)
        with contextlib.suppress(EOFError):
            self.url = await asyncio.to_thread(self._ready.recv)
        self.client = httpx.AsyncClient(base_url=self.url, timeout=120)
        return self

    async def __aexit__(self, *fault: object) -> None:
        """Kill it and let go."""
        self.kill()
        await self.client.aclose()
        self._ready.close()
        self.process.close()

    def kill(self) -> None:
        """End it as a crash would. Killing it twice does nothing."""
        self.process.kill()
        self.process.join()

    async def died(self) -> bool:
        """Wait for its end, and tell whether it was killed rather than stopped."""
        await asyncio.to_thread(self.process.join)
        return self.process.exitcode == -signal.SIGKILL

    @property
    def stands_still(self) -> bool:
        """Tell whether it is stopped until somebody lets it go on."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == _STOPPED

    def go_on(self) -> None:
        """Let it go on where it stands."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def desk(self, desk: Desk) -> Desk:
        """Return a desk whose requests go to this service."""
        other = copy.copy(desk)
        other.client = self.client
        return other

    def worker(self, worker: Worker) -> Worker:
        """Return the same worker, with its binding, sending to this service."""
        other = copy.copy(worker)
        other.desk = self.desk(worker.desk)
        return other


def _run(settings: Settings, failing: str, loops: Sequence[Loop], ready: Connection) -> None:
    os.environ[failpoints.VARIABLE] = failing
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    serve(settings, ready.send, loops=loops)
