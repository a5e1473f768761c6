"""`placet checkpoint`: signed words on the whole log, to keep where nobody here can reach them."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.authority.checkpoints.model import CheckpointView
    from placet.sdk.studio.client import Studio

_EXAMPLES: Final = """\b
Examples:
  placet checkpoint list
  placet checkpoint show --json
  placet checkpoint save -o checkpoint.json
  placet checkpoint save --append -o /media/witness/acme.jsonl
  placet verify bundle.jsonl --checkpoint checkpoint.json
"""


@click.group(name="checkpoint", epilog=_EXAMPLES)
def command() -> None:
    """See the signed checkpoints of the tenant's log, and keep them.

    Whoever keeps one, away from the database, can tell later whether the log only grew since.
    """


@command.command(name="list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@url_option
@data_dir_option
@json_option
def list_(*, limit: int, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the checkpoints, the newest first."""
    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.checkpoints.page(limit=limit)).items
    lines = "\n".join(map(_line, found))
    give(_plain(found), lines or "the log has no checkpoint yet", as_json=as_json)


@command.command()
@url_option
@data_dir_option
@json_option
def show(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Show the newest checkpoint."""
    newest = _newest(url, data_dir)
    give(_plain(newest), _line(newest), as_json=as_json)


@command.command()
@click.option(
    "-o",
    "--output",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; one that is there is replaced, unless --append is given.",
)
@click.option("--append", is_flag=True, help="Add a line to the file, if it is not the last one.")
@url_option
@data_dir_option
@json_option
def save(
    *, file: Path, append: bool, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Write the newest checkpoint to a file, for `placet verify --checkpoint`."""
    from placet.cli.desk import write_parts

    newest = _newest(url, data_dir)
    if append:
        line = f'{{"envelope":{newest.envelope}}}\n'.encode()
        before = file.read_bytes() if file.exists() else b""
        if not before.endswith(line):
            write_parts(file, [before, line])
    else:
        write_parts(file, [newest.envelope.encode()])
    told = {"file": str(file), "size": newest.size, "root": newest.root, "epoch": newest.epoch}
    give(told, f"{_line(newest)}\nin {file}", as_json=as_json)


def _newest(url: str | None, data_dir: Path | None) -> "CheckpointView":
    from placet.cli.desk import at_desk

    async def newest(studio: "Studio") -> "CheckpointView":
        return await studio.checkpoints.latest()

    return at_desk(url, data_dir, newest)


def _line(checkpoint: "CheckpointView") -> str:
    return (
        f"{checkpoint.at}  epoch {checkpoint.epoch}  {checkpoint.size:,} entries"
        f"  root {checkpoint.root}"
    )


def _plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)
