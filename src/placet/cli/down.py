"""`placet down`: the service and its Postgres, and nothing else."""

from pathlib import Path

import click

from placet.cli import service
from placet.cli.output import data_dir_option, give, json_option, say
from placet.settings import Settings, load_settings


@click.command(name="down")
@data_dir_option
@json_option
def command(*, data_dir: Path | None, as_json: bool) -> None:
    """Stop the service and its Postgres.

    A Postgres that another process uses goes on until that one leaves. A Postgres of your own is
    never touched.
    """
    stopped = stop(load_settings({"data_dir": data_dir}))
    names = " and ".join(name for name, ran in stopped.items() if ran)
    give(stopped, f"stopped: {names}" if names else "nothing was running", as_json=as_json)


def stop(settings: Settings) -> dict[str, bool]:
    """Stop what runs on the data folder, and return what did."""
    from placet.storage.embedded.cluster import runs, stop_unheld
    from placet.storage.embedded.faults import StillHeld

    running = service.find(settings.data_dir)
    postgres = runs(settings.data_dir)
    if running is not None:
        service.end(settings.data_dir, running)
    if postgres:
        try:
            stop_unheld(settings.data_dir)
        except StillHeld as fault:
            say(f"{fault.detail}: it goes on")
    still = runs(settings.data_dir)
    return {"service": running is not None, "postgres": postgres and not still}
