"""The one service of a data folder: who runs it, how to find it, how to end it.

Whoever serves holds `server.lock` for as long as it lives and says in `server.json` where it
listens. The lock is the truth, since the operating system frees it: a file that was left behind by
one who was killed says nothing.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from placet.cli.exits import CommandRefused, Exit
from placet.kernel.clock import SystemClock
from placet.kernel.value import Value
from placet.settings import Settings
from placet.storage.embedded.layout import prepare
from placet.storage.embedded.locks import FileLock

POLL_SECONDS: Final = 0.05
CLAIM_SECONDS: Final = 1.0
END_SECONDS: Final = 60.0


class Running(Value, frozen=True):
    """A service that runs: its process, its address for others, and where it listens."""

    pid: int
    url: str
    host: str
    port: int


@contextlib.contextmanager
def claimed(data_dir: Path) -> Iterator[Path]:
    """Be the service of the folder for as long as the block lasts.

    Yields the file to which `announce` writes. Refuses `CommandRefused` if there is one already.
    """
    root = prepare(data_dir).root
    file = root / "server.json"
    with contextlib.closing(FileLock(root / "server.lock")) as lock:
        # Somebody who only looks holds it for a moment.
        if not _wait(lock.try_exclusive, CLAIM_SECONDS):
            running = find(data_dir)
            raise CommandRefused(
                detail=f"a service of `{root}` runs already"
                + (f": {running.url}, process {running.pid}" if running else ""),
                remedy="stop it with `placet down`, or give this one a folder of its own",
                code=Exit.INFRASTRUCTURE,
            )
        file.unlink(missing_ok=True)
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)


def running_here(settings: Settings) -> Running:
    """Return the service that this process is, or is about to be."""
    return Running(pid=os.getpid(), url=settings.public_url, host=settings.host, port=settings.port)


def announce(file: Path, settings: Settings) -> None:
    """Say that this process is the service, and where it listens."""
    half = file.with_suffix(".tmp")
    half.write_bytes(msgspec.json.encode(running_here(settings)))
    half.rename(file)


def find(data_dir: Path) -> Running | None:
    """Return the service of the folder, or None. One that has only begun is not found yet."""
    if not (data_dir / "server.lock").exists():
        return None
    with contextlib.closing(FileLock(data_dir / "server.lock")) as lock:
        if lock.try_exclusive():
            return None
    try:
        return msgspec.json.decode((data_dir / "server.json").read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def end(data_dir: Path, running: Running) -> None:
    """Ask the service to stop, and wait until it has. Refuses `CommandRefused` if it does not."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    if not _wait(lambda: find(data_dir) != running, END_SECONDS):
        raise CommandRefused(
            detail=f"the service (process {running.pid}) does not stop",
            remedy=f"read `{data_dir / 'server.log'}`, and end the process by hand",
            code=Exit.INFRASTRUCTURE,
        )


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an orderly end of the block, also while it is being left."""

    def leave(*_: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(0)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    clock = SystemClock()
    end_at = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() > end_at:
            return False
        time.sleep(POLL_SECONDS)
    return True
