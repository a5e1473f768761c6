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
from placet.storage.embedded.layout import prepare
from placet.storage.embedded.locks import FileLock

POLL_SECONDS: Final = 0.05
CLAIM_SECONDS: Final = 1.0
END_SECONDS: Final = 60.0


class Running(Value, frozen=True):
    """A service that runs: its process, its address for others, and where it listens.

    Both addresses are empty while it starts.
    """

    pid: int
    url: str = ""
    address: str = ""


@contextlib.contextmanager
def claimed(data_dir: Path) -> Iterator[Path]:
    """Be the service of the folder for as long as the block lasts: one that is starting.

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
                + (f", as process {running.pid}" if running else ""),
                remedy="stop it with `placet down`, or give this one a folder of its own",
                code=Exit.INFRASTRUCTURE,
            )
        announce(file, "", "")
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)


def announce(file: Path, url: str, address: str) -> Running:
    """Say that this process is the service, and where it is to be found."""
    running = Running(pid=os.getpid(), url=url, address=address)
    half = file.with_suffix(".tmp")
    half.write_bytes(msgspec.json.encode(running))
    half.rename(file)
    return running


def find(data_dir: Path) -> Running | None:
    """Return the service of the folder, or None."""
    if not (data_dir / "server.lock").exists():
        return None
    with contextlib.closing(FileLock(data_dir / "server.lock")) as lock:
        if lock.try_exclusive():
            return None
    # Race: whoever holds it may not have written yet, or be about to leave; then it is none.
    try:
        return msgspec.json.decode((data_dir / "server.json").read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def end(data_dir: Path, running: Running) -> None:
    """Ask the service to stop, and wait until it has. Refuses `CommandRefused` if it does not."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    if not _wait(lambda: not _is(running, find(data_dir)), END_SECONDS):
        raise CommandRefused(
            detail=f"the service (process {running.pid}) does not stop",
            remedy=f"read `{data_dir / 'server.log'}`, and end the process by hand",
            code=Exit.INFRASTRUCTURE,
        )


def _is(one: Running, other: Running | None) -> bool:
    return other is not None and other.pid == one.pid


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
