"""`placet migrate`: the schema, up to date."""

from pathlib import Path

import click

from placet.cli.output import data_dir_option, give, json_option
from placet.settings import load_settings


@click.command(name="migrate")
@data_dir_option
@json_option
def command(*, data_dir: Path | None, as_json: bool) -> None:
    """Bring the database's schema up to date.

    Uses PLACET_ADMIN_DATABASE_URL, the migrator's address, or the embedded Postgres where neither
    that nor PLACET_DATABASE_URL is set. Waits for no lock longer than a second.
    """
    from placet.cli import database

    settings = load_settings({"data_dir": data_dir})
    if settings.admin_database_url is not None:
        revision = database.migrate(settings)
    else:
        with database.held(settings) as (ready, _):
            revision = database.migrate(ready)
    give({"revision": revision}, f"the schema is at revision {revision}", as_json=as_json)
