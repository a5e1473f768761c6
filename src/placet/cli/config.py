"""`placet config`: what is set, and by what."""

import click

from placet.cli.output import give, json_option
from placet.settings import load_settings


@click.group(name="config")
def command() -> None:
    """Show the settings and where each came from."""


@command.command(name="show")
@json_option
def show(*, as_json: bool) -> None:
    """Print every setting with its source. Passwords are hidden."""
    settings = load_settings()
    values = settings.masked()
    rows = {
        name: {"value": value, "source": settings.sources.get(name, "default")}
        for name, value in values.items()
    }
    width = max(len(name) for name in rows)
    lines = [
        f"{name:<{width}}  {'' if row['value'] is None else row['value']}  ({row['source']})"
        for name, row in rows.items()
    ]
    give(rows, "\n".join(lines), as_json=as_json)
