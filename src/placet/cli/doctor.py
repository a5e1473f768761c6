"""`placet doctor`: every check that a start makes, and what this machine needs besides."""

import asyncio
import contextlib
import errno
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import click
import msgspec

from placet.cli import service
from placet.cli.exits import CommandRefused, Exit
from placet.cli.output import data_dir_option, give, json_option
from placet.settings import Settings, load_settings
from placet.storage.checks import Check, Status
from placet.storage.embedded.ports import trouble_at
from placet.storage.unusable import Unusable

PATIENCE_SECONDS: Final = 10.0
ROOM_NEEDED: Final = 200 * 1024 * 1024
ROOM_WISHED: Final = 2 * 1024 * 1024 * 1024
WITNESSED: Final = "witnessed log"
_MARKS: Final = {Status.OK: "ok  ", Status.WARN: "warn", Status.FAIL: "FAIL"}


@click.command(name="doctor")
@data_dir_option
@json_option
def command(*, data_dir: Path | None, as_json: bool) -> int:
    """Check this machine and the database, with a remedy for each finding.

    Ends with 0 if the service can run, warnings or not, and with 1 if it cannot, or would grant
    nothing because of its witness.
    """
    settings = load_settings({"data_dir": data_dir})
    folder = list(witness(settings))
    has_folder = settings.witness_dir is not None and not _has_failed(folder)
    checks = [
        *machine(settings),
        *embedded(settings),
        *database(settings, has_witness=has_folder),
        *folder,
        *keys(settings),
    ]
    lines = []
    for check in checks:
        lines.append(f"{_MARKS[check.status]}  {check.name}: {check.found}")
        if check.remedy:
            lines.append(f"      {check.remedy}")
    give(msgspec.to_builtins(checks), "\n".join(lines), as_json=as_json)
    return Exit.FAILED if _has_failed(checks) else Exit.OK


def machine(settings: Settings) -> Iterator[Check]:
    """Return what does not depend on a database."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check(name="python", status=Status.OK, found=version)
    yield _port(settings)
    git = shutil.which("git")
    yield Check(
        name="git",
        status=Status.OK if git else Status.WARN,
        found=git or "not on the path",
        remedy="" if git else "install it to evaluate suites over repositories",
    )


def embedded(settings: Settings) -> Iterator[Check]:
    """Return what the embedded server needs, where it is the one that is used."""
    from placet.storage.embedded.binaries import locate
    from placet.storage.embedded.unprivileged import server_user

    if not settings.is_embedded:
        return
    data = settings.data_dir / "postgres" / "data"
    yield _tried("programs", lambda: f"Postgres {locate(settings.pg_bin).version}")
    yield _tried("server user", lambda: server_user(data).name)
    yield _room(settings.data_dir)


def database(settings: Settings, *, has_witness: bool) -> tuple[Check, ...]:
    """Return every check of the database; an embedded one is started for it if need be.

    One that the service could use is held against its witness, if the folder of that is there.
    """
    from placet.cli import database as of_command

    if settings.is_embedded and not (settings.data_dir / "postgres.json").exists():
        found = f"none yet in `{settings.data_dir}`; `placet up` makes it"
        return (Check(name="database", status=Status.OK, found=found),)
    try:
        with of_command.held(settings) as (ready, _):
            reached = Check(name="database", status=Status.OK, found="reached")
            checks = of_command.checks(ready)
            is_held = has_witness and not _has_failed(checks)
            return (reached, *checks, *(asyncio.run(_witnessed(ready)) if is_held else ()))
    except (Unusable, CommandRefused) as fault:
        return (_failed("database", fault.detail, fault.remedy),)


async def _witnessed(ready: Settings) -> list[Check]:
    """Return what the service's own look at its witness finds, the whole of it."""
    from placet.authority.recovery.watch import RecoveryWatch
    from placet.kernel.refusals import GovernanceUnavailable
    from placet.storage.database import Database

    watch = RecoveryWatch(ready.witness_dir)
    try:
        db = await Database.open(ready.database_url or "", pool_size=1)
        try:
            await watch.look(db)
        finally:
            await db.close()
    except GovernanceUnavailable as fault:
        return [_failed(WITNESSED, fault.detail, fault.hint)]
    if faults := watch.faults:
        return [_failed(WITNESSED, one.told, one.kind.hint) for one in faults]
    found = "each tenant's log leads to what the witness has of it last"
    return [Check(name=WITNESSED, status=Status.OK, found=found)]


def witness(settings: Settings) -> Iterator[Check]:
    """Return whether checkpoints are kept where the loss of the database does not take them too.

    Without a folder for them nothing is wrong on a machine that only tries Placet out.
    """
    folder = settings.witness_dir
    if folder is None:
        if not settings.is_embedded:
            yield Check(
                name="witness",
                status=Status.WARN,
                found="no checkpoints are kept outside, so that an older copy goes unnoticed",
                remedy="set PLACET_WITNESS_DIR to a folder away from the database",
            )
        return
    from placet.authority.recovery.beside import within

    try:
        # It may be on a volume that does not answer.
        told = asyncio.run(within(folder.stat, PATIENCE_SECONDS))
        volumes = asyncio.run(within(lambda: _volumes_of(settings), PATIENCE_SECONDS))
    except TimeoutError:
        yield _failed("witness", f"`{folder}` does not answer", "look at the volume that it is on")
        return
    except OSError as fault:
        yield _failed(
            "witness",
            f"`{folder}`: {fault.strerror}",
            "mount it, or make it where there never was one",
        )
        return
    if not stat.S_ISDIR(told.st_mode):
        yield _failed("witness", f"`{folder}` is no folder", "name one, away from the database")
        return
    if told.st_dev in volumes:
        yield Check(
            name="witness",
            status=Status.WARN,
            found=f"`{folder}` lies on the volume of the database, and is restored with it",
            remedy="set PLACET_WITNESS_DIR to a folder on another volume",
        )
        return
    unseen = "" if volumes else "; whether the database's own volume is another is not seen here"
    found = f"checkpoints are kept in `{folder}`{unseen}"
    yield Check(name="witness", status=Status.OK, found=found)


def keys(settings: Settings) -> list[Check]:
    """Return whether each command that has a key of the service, or is to have one, signs.

    A command that does not keeps the service from starting, if it has the key that signs now.
    """
    from placet.authority import key_checks
    from placet.authority.key_slots import given_by

    given = given_by(settings.key_commands)
    return asyncio.run(key_checks.look(settings.data_dir / "keys", given))


def _volumes_of(settings: Settings) -> set[int]:
    """Return the volume of the database, where it can be told."""
    from placet.storage.checks import find_data_folder

    if settings.is_embedded:
        place = settings.data_dir
        return {next(each for each in (place, *place.parents) if each.exists()).stat().st_dev}
    for url in filter(None, (settings.admin_database_url, settings.database_url)):
        with contextlib.suppress(Unusable, OSError):
            if (folder := asyncio.run(find_data_folder(url))) is not None:
                return {folder.stat().st_dev}
    return set()


def _port(settings: Settings) -> Check:
    place = f"{settings.host}:{settings.port}"
    running = service.find(settings.data_dir)
    if running is not None:
        return Check(name="port", status=Status.OK, found=f"the service listens at {running.url}")
    trouble = trouble_at(settings.host, settings.port)
    if trouble is None:
        return Check(name="port", status=Status.OK, found=f"{place} is free")
    taken = trouble.errno == errno.EADDRINUSE
    found = f"{place} is taken by another program" if taken else f"{place}: {trouble.strerror}"
    return _failed("port", found, "choose another with PLACET_PORT and PLACET_HOST")


def _room(data_dir: Path) -> Check:
    place = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    room = shutil.disk_usage(place).free
    found = f"{room // 1024**2} MiB free in `{place}`"
    remedy = "free some space, or choose another folder with PLACET_DATA_DIR"
    if room < ROOM_NEEDED:
        return _failed("disk", found, remedy)
    if room < ROOM_WISHED:
        return Check(name="disk", status=Status.WARN, found=found, remedy=remedy)
    return Check(name="disk", status=Status.OK, found=found)


def _has_failed(checks: Iterable[Check]) -> bool:
    return any(check.status is Status.FAIL for check in checks)


def _tried(name: str, question: Callable[[], str]) -> Check:
    try:
        return Check(name=name, status=Status.OK, found=question())
    except Unusable as fault:
        return _failed(name, fault.detail, fault.remedy)


def _failed(name: str, found: str, remedy: str) -> Check:
    return Check(name=name, status=Status.FAIL, found=found, remedy=remedy)
