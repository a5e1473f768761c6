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
    from placet.sdk.studio.client import Studio
    from placet.studio.endings.model import ApprovalShown, ApprovalSummary

_EXAMPLES: Final = """\b
Examples:
  placet approval list 0199…
  placet approval show 0199…
  placet approval export 0199… -o approval.jsonl
  placet verify approval.jsonl --keys pinned-keys.json
  placet approval revoke 0199… --reason "refunds went wrong"
"""


@click.group(name="approval", epilog=_EXAMPLES)
def command() -> None:
    """Show approvals, end one, or write the file that proves it to anybody.

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


@command.command(name="list")
@click.argument("workspace", type=click.UUID)
@url_option
@data_dir_option
@json_option
def list_(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the approvals of WORKSPACE, the newest first, each with what it counts for now."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[ApprovalSummary]":
        return [item async for item in studio.approvals.every(workspace)]

    found = at_desk(url, data_dir, every)
    lines = [f"{one.approval_id}  {one.approval_version:4}  {one.status}" for one in found]
    give(msgspec.to_builtins(found), "\n".join(lines), as_json=as_json)


@command.command()
@click.argument("approval", type=click.UUID)
@click.option("--reason", required=True, help="Why; it stands in the evidence.")
@url_option
@data_dir_option
@json_option
def revoke(
    *, approval: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """End APPROVAL now: nothing is granted or started under it any more. There is no way back."""
    import msgspec

    from placet.cli.desk import at_desk

    ended = at_desk(url, data_dir, lambda studio: studio.approvals.revoke(approval, reason))
    words = f"revoked at {ended.revoked_at}; {ended.sessions_open} sessions were open under it"
    give(msgspec.to_builtins(ended), words, as_json=as_json)


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
    refuse_bad(data, approval_id=approval)
    write_file(file, data)
    give({"file": str(file), "bytes": len(data)}, f"{len(data):,} bytes in {file}", as_json=as_json)


def refuse_bad(
    data: bytes, *, approval_id: UUID | None = None, compiled_hash: str | None = None
) -> None:
    """Raise `CommandRefused` for a dossier that does not hold together, or is of something else."""
    from placet.evidence.verify import verify_dossier

    report = verify_dossier(data)
    why = None
    if report.flaw is not None:
        why = f"what it tells does not hold together: {report.flaw.item}: {report.flaw.why}"
    elif approval_id not in {None, report.approval_id}:
        why = f"it gives approval {report.approval_id}, and {approval_id} was asked for"
    elif compiled_hash not in {None, report.compiled_hash}:
        why = f"it gives artifact {report.compiled_hash}, and {compiled_hash} was asked for"
    if why is not None:
        raise CommandRefused(
            detail=f"the service is not to be relied on: {why}",
            remedy="do not use what it gives; tell whoever runs the service",
            code=Exit.FAILED,
        )


def _told(found: "ApprovalShown") -> str:
    until = "for ever" if found.expires_at is None else f"until {found.expires_at}"
    people = "\n".join(f"by         {person}" for person in found.approved_by)
    return (
        f"approval   {found.approval_id} (number {found.approval_version})\n"
        f"status     {found.status}\n"
        f"workspace  {found.workspace_id}\n"
        f"snapshot   {found.draft_snapshot_id}\n"
        f"request    {found.request_id}\n"
        f"{people}\n"
        f"from       {found.approved_at} {until}"
    )
