"""Making, starting and stopping the server. The caller holds `start.lock` all the while."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from placet.kernel.clock import Clock, SystemClock
from placet.storage.embedded.binaries import Binaries
from placet.storage.embedded.faults import OtherMajor, StartFailed, failed
from placet.storage.embedded.layout import Layout, trim_log
from placet.storage.embedded.ports import free_port, trouble_at
from placet.storage.embedded.processes import Postmaster, is_gone, is_server_of, standing_in
from placet.storage.embedded.unprivileged import User

HOST: Final = "127.0.0.1"
POLL_SECONDS: Final = 0.01
CLEAR_SECONDS: Final = 10.0
READY_SECONDS: Final = 300.0  # recovery after a crash replays what was not yet in the tables
STOP_SECONDS: Final = 60.0
PORT_ATTEMPTS: Final = 5
BUILTIN_LOCALE_SINCE: Final = 17
_SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}
_IN_BACKGROUND: Final = '"$@" >>"$0" 2>&1 & echo $!'


def check_major(layout: Layout, binaries: Binaries) -> None:
    """Refuse `OtherMajor` if the cluster is of another major version than the programs."""
    found = (layout.data / "PG_VERSION").read_text().strip()
    if found != str(binaries.major):
        raise OtherMajor(
            detail=f"the data in `{layout.data}` were written by Postgres {found}, and the programs"
            f" in `{binaries.bin}` are Postgres {binaries.version}",
            remedy=f"set PLACET_PG_BIN to the `bin` folder of a Postgres {found}, move the data"
            " over with pg_dump, or start empty with `placet reset --yes`",
        )


def make_cluster(layout: Layout, binaries: Binaries, user: User, password: str) -> None:
    """Make an empty cluster: SCRAM for everybody, page checksums, UTF-8 that no locale alters.

    It is made as `data.tmp` and renamed when whole, so that a crash leaves none or one.
    """
    half = layout.home / "data.tmp"
    secret = layout.home / "password.tmp"
    shutil.rmtree(half, ignore_errors=True)
    secret.unlink(missing_ok=True)
    try:
        _hand_over(secret, password, user)
        made = subprocess.run(  # noqa: S603 -- our own arguments
            [binaries.program("initdb"), *_initdb_options(half, secret, binaries)],
            check=False,
            capture_output=True,
            text=True,
            cwd=layout.home,
            env=_environment(),
            **user.options(),
        )
    finally:
        secret.unlink(missing_ok=True)
    if made.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        code = made.returncode
        ended = "File too large" if -code == signal.SIGXFSZ else f"it ended with {code}"
        raise failed(what="making the cluster", output=made.stderr or ended, folder=layout.root)
    half.rename(layout.data)


def start(layout: Layout, binaries: Binaries, user: User, port: int) -> int:
    """Start the server and return its port once it takes connections.

    `port` is kept if it is free; 0 stands for none yet.
    """
    _wait_until_nobody_stands_in(layout)
    trim_log(layout)
    output = ""
    for _ in range(PORT_ATTEMPTS):
        port = port if port and trouble_at(HOST, port) is None else free_port(HOST)
        said_before = layout.log.stat().st_size if layout.log.exists() else 0
        pid = _spawn(layout, binaries, user, port)
        if wait_until_ready(layout, pid):
            return port
        output = _read_from(layout.log, said_before)
        if "could not bind" not in output:
            break
        port = 0
    raise failed(what="starting Postgres", output=output, folder=layout.home)


def stop(layout: Layout) -> None:
    """Stop the server, if it runs: open transactions are rolled back, nothing else is lost."""
    pid = running_pid(layout)
    if pid is None:
        return
    for how in (signal.SIGINT, signal.SIGQUIT):
        os.kill(pid, how)
        if _wait(lambda: is_gone(pid), STOP_SECONDS):
            return
    raise StartFailed(
        detail=f"Postgres (process {pid}) does not stop",
        remedy=f"read `{layout.log}`, and end it by hand",
    )


def running_pid(layout: Layout) -> int | None:
    """Return the process id of the server that runs on this folder, or None."""
    pid = Postmaster(layout.data).pid
    return pid if pid and is_server_of(pid, layout.data) else None


def wait_until_ready(layout: Layout, pid: int) -> bool:
    """Wait until the server is ready. False: it ended instead. Refuses `StartFailed`."""
    if not _wait(lambda: _is_ready(layout, pid) or is_gone(pid), READY_SECONDS):
        raise StartFailed(
            detail=f"Postgres (process {pid}) did not become ready within {READY_SECONDS:.0f} s",
            remedy=f"read `{layout.log}`; if it is still recovering, try again later",
        )
    return not is_gone(pid)


def _spawn(layout: Layout, binaries: Binaries, user: User, port: int) -> int:
    options = [f"{name}={value}" for name, value in (_SETTINGS | {"port": str(port)}).items()]
    flags = [part for option in options for part in ("-c", option)]
    command = [binaries.program("postgres"), "-D", str(layout.data), *flags]
    # A shell starts it and ends, so that the server is nobody's child here: it outlives us, leaves
    # no zombie in this process, and no signal from our terminal reaches it.
    shell = subprocess.run(  # noqa: S603 -- a fixed script, arguments as words
        ["/bin/sh", "-c", _IN_BACKGROUND, str(layout.log), *command],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=layout.home,
        env=_environment(),
        start_new_session=True,
        **user.options(),
    )
    if not shell.stdout.strip().isdigit():
        raise failed(what="starting Postgres", output=shell.stderr, folder=layout.home)
    return int(shell.stdout)


def _initdb_options(data: Path, secret: Path, binaries: Binaries) -> list[str]:
    locale = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if binaries.major >= BUILTIN_LOCALE_SINCE
        else ["--locale=C.UTF-8"]
    )
    return [
        f"--pgdata={data}",
        "--username=postgres",
        "--auth=scram-sha-256",
        f"--pwfile={secret}",
        "--encoding=UTF8",
        "--data-checksums",
        *locale,
    ]


def _hand_over(path: Path, text: str, user: User) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        if user.dropped:
            os.fchown(file.fileno(), user.uid, user.gid)


def _environment() -> dict[str, str]:
    # Nothing of the caller's: PGDATA, PGPORT, LC_* or TZ would change what is made.
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _is_ready(layout: Layout, pid: int) -> bool:
    postmaster = Postmaster(layout.data)
    return postmaster.pid == pid and postmaster.ready


def _wait_until_nobody_stands_in(layout: Layout) -> None:
    """Wait for what a killed postmaster left, then clear its pid file."""
    if not _wait(lambda: not standing_in(layout.data), CLEAR_SECONDS):
        pids = ", ".join(str(pid) for pid in standing_in(layout.data))
        raise StartFailed(
            detail=f"processes ({pids}) of a killed Postgres still work in `{layout.data}`",
            remedy="wait until they have ended, or end them",
        )
    # Nobody works here and we hold start.lock: the file is of one who is dead. Left alone, Postgres
    # would refuse to start while a zombie, or a stranger, bears the same number.
    (layout.data / "postmaster.pid").unlink(missing_ok=True)


def _wait(condition: Callable[[], bool], seconds: float, clock: Clock | None = None) -> bool:
    clock = clock or SystemClock()
    end = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _read_from(log: Path, offset: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
