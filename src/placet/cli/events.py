"""`placet events`: streams of events as files."""

from pathlib import Path
from typing import Final
from uuid import UUID

import click

from placet.cli.desk import output_option
from placet.cli.exits import CommandRefused
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

_EXAMPLES: Final = """\b
Examples:
  placet events export 0199… -o run.jsonl
  placet verify run.jsonl
  placet events import run.jsonl
"""


@click.group(name="events", epilog=_EXAMPLES)
def command() -> None:
    """Write a stream of events to a file, or bring in the stream of a run.

    Needs an API key in PLACET_API_KEY: one that may audit, and to bring in one that may operate.
    """


@command.command()
@click.argument("stream", type=click.UUID)
@output_option
@url_option
@data_dir_option
@json_option
def export(
    *, stream: UUID, file: Path, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Write STREAM to a file that `placet verify` reads. That somebody did so is an event."""
    from placet.cli.desk import at_desk, write_file

    data = at_desk(url, data_dir, lambda studio: studio.streams.export(stream))
    write_file(file, data)
    give({"file": str(file), "bytes": len(data)}, f"{len(data):,} bytes in {file}", as_json=as_json)


@command.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@url_option
@data_dir_option
@json_option
def import_(*, file: Path, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Bring in FILE, an exported stream of a run, as a new stream with the same events."""
    import msgspec

    from placet.cli.desk import at_desk

    try:
        data = file.read_bytes()
        data.decode()
    except (OSError, UnicodeDecodeError) as fault:
        raise CommandRefused(
            detail=f"`{file}` cannot be read: {fault}",
            remedy="name a file that `placet events export` wrote",
        ) from fault
    made = at_desk(url, data_dir, lambda studio: studio.streams.bring_in(data))
    give(msgspec.to_builtins(made), f"{made.events} events in {made.stream_id}", as_json=as_json)
