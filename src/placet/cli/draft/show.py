"""`placet draft show`: a draft, or its contract."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.draft.changing import draft_argument
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.studio.drafts.model import DraftAnswer


@click.command("show")
@draft_argument
@click.option("--contract", is_flag=True, help="Print the contract as JSON, and no more.")
@url_option
@data_dir_option
@json_option
def command(
    *, draft: UUID, contract: bool, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print how DRAFT stands; with --contract, what `placet policy` works on."""
    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.drafts.get(draft))
    if contract:
        click.echo(bytes(found.contract))
        return
    give(document(found), "\n".join(_lines(found)), as_json=as_json)


def document(found: "DraftAnswer") -> dict[str, object]:
    """Return a draft as `--json` prints it."""
    import msgspec

    told: dict[str, object] = msgspec.json.decode(msgspec.json.encode(found))
    return told


def _lines(found: "DraftAnswer") -> list[str]:
    import msgspec

    contract = msgspec.json.decode(found.contract)
    tools = [tool["tool"] for tool in contract["tools"]]
    return [
        f"draft      {found.draft_id} ({found.status}, version {found.current_version})",
        f"workspace  {found.workspace_id}",
        f"agent      {contract['agent']}",
        f"parent     {found.parent_draft_id or 'none'}",
        f"stems from {found.derived_from_approval_id or 'no approval'}",
        f"snapshot   {found.active_snapshot_id or 'none'}",
        f"history    {found.command_history_hash}",
        f"tools      {', '.join(tools) or 'none'}",
    ]
