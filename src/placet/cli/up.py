"""`placet up`: the service in the foreground or in the background."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import msgspec

from placet.cli import database, service
from placet.cli.exits import CommandRefused, Exit
from placet.cli.output import data_dir_option, give, json_option, say
from placet.kernel.clock import SystemClock
from placet.settings import Settings, load_settings
from placet.storage.checks import Status, refuse_failed
from placet.storage.embedded.layout import prepare
from placet.storage.embedded.watch import kept_alive

READY_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05
LOG: Final = "server.log"
_CHILDREN: Final[list[subprocess.Popen[bytes]]] = []  # kept, so that none is dropped while it runs


@click.command(name="up")
@click.option("--detach", is_flag=True, help="Run in the background; come back when it answers.")
@click.option("--host", help="Address to listen at.  [env: PLACET_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, help="Port; 0 takes a free one.  [env: PLACET_PORT; 8471]")
@data_dir_option
@json_option
def command(
    *, detach: bool, host: str | None, port: int | None, data_dir: Path | None, as_json: bool
) -> None:
    """Start the service, with a Postgres of its own if it has none.

    With PLACET_DATABASE_URL the service uses that Postgres and starts none. The schema is brought
    up to date first, and every start-up check is made.
    """
    settings = load_settings({"host": host, "port": port, "data_dir": data_dir})
    if detach:
        running = start_detached(settings)
        give(running, running.url, as_json=as_json)
    else:
        run(settings, as_json=as_json)


def run(settings: Settings, *, as_json: bool = False) -> None:
    """Serve until a signal ends it; then stop the server of Postgres too, if nobody else uses it.

    Refuses `Unusable` for what is wrong with the database or the port, and `CommandRefused` where a
    service of the folder runs already.
    """
    with (
        service.stopped_by_signals(),
        service.claimed(settings.data_dir) as file,
        database.held(settings) as (ready, cluster),
        kept_alive(cluster) if cluster is not None else contextlib.nullcontext(),
    ):

        def tell(address: str) -> None:
            url = settings.public_url if "public_url" in settings.sources else address
            running = service.announce(file, url, address)
            give(running, url, as_json=as_json)
            sys.stdout.flush()

        if ready.admin_database_url is not None:
            database.migrate(ready)
        # Before the server is even imported: what is wrong is told at once.
        found = database.checks(ready)
        for check in found:
            if check.status is Status.WARN:
                say(f"warning: {check.name}: {check.found}; {check.remedy}")
        refuse_failed(found)
        from placet.server.run import serve
        from placet.worker.loops import LOOPS

        serve(ready, tell, loops=LOOPS)


def start_detached(settings: Settings) -> service.Running:
    """Start the service as a session of its own and return once it answers.

    One that runs already is returned as it is. Refuses what the service itself refused.
    """
    running = service.find(settings.data_dir)
    if running is not None and running.url:
        say(f"it runs already, as process {running.pid}")
        return running
    log = prepare(settings.data_dir).root / LOG
    with log.open("ab") as file:
        offset = file.tell()
        child = subprocess.Popen(
            [sys.executable, "-m", "placet", "up", "--json"],
            env=os.environ | _environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    _CHILDREN.append(child)
    try:
        return _ready(child, settings, log, offset)
    except (KeyboardInterrupt, SystemExit):  # whoever ends the waiting wants no service
        child.terminate()
        child.wait()
        raise


def _ready(
    child: subprocess.Popen[bytes], settings: Settings, log: Path, offset: int
) -> service.Running:
    """Return the service that the child is, once it answers. Refuses what the child refused."""
    clock = SystemClock()
    end = clock.monotonic() + READY_SECONDS
    while clock.monotonic() < end:
        if child.poll() is not None:
            raise _refusal_of(log, offset)
        running = service.find(settings.data_dir)
        if running is not None and running.pid == child.pid and answers(running.address):
            return running
        time.sleep(POLL_SECONDS)
    raise CommandRefused(
        detail=f"the service (process {child.pid}) does not answer after {READY_SECONDS:.0f} s",
        remedy=f"read `{log}`",
        code=Exit.INFRASTRUCTURE,
    )


def answers(address: str) -> bool:
    """Tell whether the service at the address says that it is ready."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _environment(settings: Settings) -> dict[str, str]:
    """Return what flags have set, as the variables of the same meaning."""
    return {
        "PLACET_DATA_DIR": str(settings.data_dir),
        "PLACET_HOST": settings.host,
        "PLACET_PORT": str(settings.port),
    }


def _refusal_of(log: Path, offset: int) -> CommandRefused:
    """Return what the service said before it ended, in the words and with the code it chose."""
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().splitlines()
    for line in reversed(lines):
        with contextlib.suppress(msgspec.MsgspecError, KeyError, TypeError):
            said: dict[str, Any] = msgspec.json.decode(line)
            error = said["error"]
            return CommandRefused(
                detail=error["detail"], remedy=error["remedy"], code=Exit(said["exit"])
            )
    return CommandRefused(
        detail="the service ended while it started",
        remedy=f"read `{log}`",
        code=Exit.INFRASTRUCTURE,
    )
