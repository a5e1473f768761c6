"""`placet reset`: an empty start."""

import sys
from pathlib import Path

import click

from placet.cli import down
from placet.cli.exits import CommandRefused
from placet.cli.output import data_dir_option, give, json_option
from placet.settings import load_settings


@click.command(name="reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_option
@json_option
def command(*, yes: bool, data_dir: Path | None, as_json: bool) -> None:
    """Stop the service, and remove the embedded Postgres with all that is in it.

    There is no way back. A Postgres of your own is never touched.
    """
    from placet.storage.embedded.cluster import remove

    settings = load_settings({"data_dir": data_dir})
    if not settings.is_embedded:
        raise CommandRefused(
            detail=f"`{settings.sources['database_url']}` names a Postgres of your own,"
            " and `reset` only ever removes the embedded one",
            remedy="drop that database yourself, or unset the variable",
        )
    if not yes:
        _ask(settings.data_dir)
    down.stop(settings)
    there = settings.data_dir.exists()
    if there:
        remove(settings.data_dir)
    text = f"removed the data in {settings.data_dir}" if there else "there was nothing to remove"
    give({"removed": there, "data_dir": str(settings.data_dir)}, text, as_json=as_json)


def _ask(data_dir: Path) -> None:
    if not sys.stdin.isatty():
        raise CommandRefused(
            detail=f"this removes everything in `{data_dir}`, and nobody is there to ask",
            remedy="say so with `placet reset --yes`",
        )
    click.confirm(f"Remove everything in {data_dir}?", abort=True, err=True)
