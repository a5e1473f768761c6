"""`placet approval`: what was approved, and the file that proves it."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.desk import output_option
from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.studio.approvals.model import ApprovalAnswer

_EXAMPLES: Final = """\b
Examples:
  placet approval show 0199…
  placet approval export 0199… -o approval.jsonl
  placet verify approval.jsonl --keys pinned-keys.json
"""


@click.group(name="approval", epilog=_EXAMPLES)
def command() -> None:
    """Show an approval, or write the file that proves it to anybody.

    Needs your own API key in PLACET_API_KEY.
    """


@command.command()
@click.argument("approval", type=click.UUID)
@url_option
@data_dir_option
@json_option
def show(*, approval: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print what APPROVAL approved, who signed it, and until when it holds."""
    import msgspec

    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.approvals.get(approval))
    give(msgspec.json.decode(msgspec.json.encode(found)), _told(found), as_json=as_json)


@command.command()
@click.argument("approval", type=click.UUID)
@output_option
@url_option
@data_dir_option
@json_option
def export(
    *, approval: UUID, file: Path, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Write everything that proves APPROVAL to a file, which `placet verify` checks.

    The same approval gives the same bytes whenever it is exported.
    """
    from placet.cli.desk import at_desk, write_file

    data = at_desk(url, data_dir, lambda studio: studio.approvals.export(approval))
    refuse_bad(data)
    write_file(file, data)
    give({"file": str(file), "bytes": len(data)}, f"{len(data):,} bytes in {file}", as_json=as_json)


def refuse_bad(data: bytes) -> None:
    """Raise `CommandRefused` for a dossier that does not hold together."""
    from placet.evidence.verify_dossier import verify_dossier

    flaw = verify_dossier(data).flaw
    if flaw is not None:
        raise CommandRefused(
            detail=f"what the service tells does not hold together: {flaw.item}: {flaw.why}",
            remedy="do not rely on it; tell whoever runs the service",
            code=Exit.FAILED,
        )


def _told(found: "ApprovalAnswer") -> str:
    until = "for ever" if found.expires_at is None else f"until {found.expires_at}"
    people = "\n".join(f"by         {person}" for person in found.approved_by)
    return (
        f"approval   {found.approval_id} (number {found.approval_version})\n"
        f"workspace  {found.workspace_id}\n"
        f"snapshot   {found.draft_snapshot_id}\n"
        f"request    {found.request_id}\n"
        f"{people}\n"
        f"from       {found.approved_at} {until}"
    )
