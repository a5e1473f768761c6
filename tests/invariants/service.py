"""Services in processes of their own, which may be stopped and killed."""

import asyncio
import copy
import subprocess
import sys
from pathlib import Path
from typing import Self

import httpx
from tests.replay.desk import Desk, Worker

SERVE = """
import sys
from pathlib import Path
from placet.server.run import serve
from placet.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2], port=0)
serve(settings, lambda url: print(url, flush=True))
"""


class Service:
    """A service on a free port. It is killed when the block ends, if it was not before."""

    def __init__(self, folder: Path, database_url: str) -> None:
        """Start it; it takes requests once it is entered."""
        self.process = subprocess.Popen(  # noqa: S603 -- our own program
            [sys.executable, "-c", SERVE, str(folder), database_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = ""
        self.client = httpx.AsyncClient()

    async def __aenter__(self) -> Self:
        """Wait until it takes requests."""
        assert self.process.stdout is not None
        self.url = (await asyncio.to_thread(self.process.stdout.readline)).strip()
        self.client = httpx.AsyncClient(base_url=self.url, timeout=20)
        return self

    async def __aexit__(self, *fault: object) -> None:
        """Kill it and let go."""
        self.kill()
        await self.client.aclose()

    def kill(self) -> None:
        """End it as a crash would. Killing it twice does nothing."""
        self.process.kill()
        with self.process:
            pass

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
