"""`placet artifact`: the file that proves what a compiled contract is."""

from pathlib import Path
from typing import Final

import click

from placet.cli.desk import output_option
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

_EXAMPLES: Final = """\b
Examples:
  placet artifact export 5f0c… -o artifact.jsonl
  placet verify artifact.jsonl --keys pinned-keys.json
"""


@click.group(name="artifact", epilog=_EXAMPLES)
def command() -> None:
    """Write a compiled artifact to a file. Needs your own API key in PLACET_API_KEY."""


@command.command()
@click.argument("compiled_hash")
@output_option
@url_option
@data_dir_option
@json_option
def export(
    *, compiled_hash: str, file: Path, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Write the artifact COMPILED_HASH with its signature, for `placet verify` to check."""
    from placet.cli.approval import refuse_bad
    from placet.cli.desk import at_desk, write_file
    from placet.cli.exits import CommandRefused

    if not compiled_hash.isalnum():
        raise CommandRefused(
            detail=f"`{compiled_hash}` is no hash of an artifact",
            remedy="give the 64 hexadecimal digits that the plan or the approval names",
        )
    data = at_desk(url, data_dir, lambda studio: studio.approvals.export_artifact(compiled_hash))
    refuse_bad(data, compiled_hash=compiled_hash)
    write_file(file, data)
    give({"file": str(file), "bytes": len(data)}, f"{len(data):,} bytes in {file}", as_json=as_json)
