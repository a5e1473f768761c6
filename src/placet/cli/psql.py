"""`placet psql`: a look into the database."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.output import data_dir_option
from placet.settings import Settings, load_settings

ROLES: Final = {
    "backup": "placet_backup",
    "auditor": "placet_auditor",
    "app": "placet_app",
    "migrator": "placet_migrator",
    "postgres": "postgres",
}


@click.command(name="psql", context_settings={"ignore_unknown_options": True})
@click.option(
    "--as",
    "role",
    type=click.Choice(list(ROLES)),
    default=None,
    help="The role; `backup` reads all and changes nothing.  [default: backup]",
)
@data_dir_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, role: str | None, data_dir: Path | None, arguments: tuple[str, ...]) -> int:
    """Look into the database with psql. What follows `--` is handed to it.

    \b
    Example:
      placet psql -- -c 'select count(*) from placet.event'
    """  # noqa: D301 -- \b keeps click from folding the example
    settings = load_settings({"data_dir": data_dir})
    if not settings.is_embedded:
        return _run(_own_psql(settings), _own_url(settings, role), arguments)
    from placet.storage.embedded.cluster import ensure

    with ensure(settings.data_dir, settings.pg_bin) as cluster:
        url = cluster.url(ROLES[role or "backup"])
        return _run(cluster.program("psql"), url, arguments)


def _run(program: str, url: str, arguments: tuple[str, ...]) -> int:
    password = urlsplit(url).password
    shown = url.replace(f":{password}@", "@", 1) if password else url
    # The password goes by the environment: every user of a machine can read arguments.
    environment = os.environ | {"PGOPTIONS": "-c search_path=placet,public"}
    if password:
        environment["PGPASSWORD"] = unquote(password)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for psql
    try:
        return subprocess.call([program, shown, *arguments], env=environment)  # noqa: S603 -- the operator's own words
    finally:
        signal.signal(signal.SIGINT, before)


def _own_url(settings: Settings, role: str | None) -> str:
    urls = {None: settings.database_url, "app": settings.database_url}
    url = (urls | {"migrator": settings.admin_database_url}).get(role)
    if url is None:
        raise CommandRefused(
            detail=f"there is no address of `{role}` for your own Postgres",
            remedy="use --as app, or --as migrator with PLACET_ADMIN_DATABASE_URL",
        )
    return url


def _own_psql(settings: Settings) -> str:
    from placet.storage.embedded.binaries import locate

    found = None if settings.pg_bin else shutil.which("psql")
    program = found or locate(settings.pg_bin).program("psql")
    if not Path(program).is_file():
        raise CommandRefused(
            detail="there is no psql on this machine",
            remedy="install Postgres' client programs, or set PLACET_PG_BIN",
            code=Exit.INFRASTRUCTURE,
        )
    return program
