"""`placet policy rebuild`: whether an approved contract still compiles to what was signed."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.evidence.bundle import KeyList
    from placet.evidence.verify_dossier import OpenedDossier

_EXAMPLES: Final = """\b
Examples:
  placet policy rebuild 0199…
  placet policy rebuild approval.jsonl --keys pinned-keys.json
"""


@click.command("rebuild", epilog=_EXAMPLES)
@click.argument("approval")
@click.option(
    "--keys",
    "pins",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Trust the keys in this file alone.",
)
@url_option
@data_dir_option
@json_option
def rebuild(
    *, approval: str, pins: Path | None, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Compile the snapshot of APPROVAL anew, and compare it with its artifact to the byte.

    APPROVAL is an id, which is asked of the service with your own API key in PLACET_API_KEY, or
    the file that `placet approval export` wrote, which needs no service. Exits with 1 if anything
    is different, or if the approval does not verify.
    """
    from placet.cli.pins import read_pins
    from placet.cli.rebuilding import rebuilt_otherwise

    pinned = None if pins is None else read_pins(pins)
    opened = _opened(_dossier(approval, url, data_dir), pinned)
    why = rebuilt_otherwise(opened)
    told = {
        "approval_id": str(opened.artifact.approval_id),
        "compiled_hash": opened.artifact.compiled_hash,
        "compiler_version": opened.artifact.compiler_version,
        "same": why is None,
        "why": why,
    }
    word = "same" if why is None else f"different: {why}"
    give(told, f"{word}\n{opened.artifact.compiled_hash}", as_json=as_json)
    if why is not None:
        raise click.exceptions.Exit(Exit.FAILED)


def _dossier(approval: str, url: str | None, data_dir: Path | None) -> bytes:
    from placet.cli.desk import at_desk

    try:
        approval_id = UUID(approval)
    except ValueError:
        return _file(Path(approval))
    from placet.cli.approval import refuse_bad

    data = at_desk(url, data_dir, lambda studio: studio.approvals.export(approval_id))
    refuse_bad(data, approval_id=approval_id)
    return data


def _file(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{file}` is neither the id of an approval nor a file: {fault.strerror}",
            remedy="give an id, or the file that `placet approval export` wrote",
            code=Exit.NOT_FOUND,
        ) from fault


def _opened(data: bytes, pinned: "KeyList | None") -> "OpenedDossier":
    from placet.evidence.verify import DossierError
    from placet.evidence.verify_dossier import open_dossier

    try:
        opened = open_dossier(data, pinned)
    except DossierError as fault:
        raise CommandRefused(
            detail=f"the approval does not verify: {fault}",
            remedy="do not rely on it; `placet verify` tells more",
            code=Exit.FAILED,
        ) from fault
    if opened.approval is None:
        raise CommandRefused(
            detail="this file proves an artifact alone, and holds no contract",
            remedy="export the approval with `placet approval export`",
        )
    return opened


command = rebuild
