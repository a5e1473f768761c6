"""Data to stdout, words to stderr, and the options that every command shares."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from placet.cli.words import as_text

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the embedded Postgres and of keys.  [env: PLACET_DATA_DIR]",
)


def give(value: object, text: str, *, as_json: bool) -> None:
    """Print the result: `text` for people, or `value` as one JSON line."""
    click.echo(as_text(value) if as_json else text)


def say(text: str) -> None:
    """Tell the person what happens. Nothing is said with `--quiet`."""
    context = click.get_current_context(silent=True)
    if context is None or not context.find_root().params.get("quiet"):
        click.echo(text, err=True)
