"""`placet draft list`: the drafts of a workspace."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.drafts.lists.model import DraftSummary


@click.command("list")
@click.argument("workspace", type=click.UUID)
@url_option
@data_dir_option
@json_option
def command(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the drafts of WORKSPACE, the oldest first."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[DraftSummary]":
        return [one async for one in studio.drafts.every(workspace)]

    found = at_desk(url, data_dir, every)
    lines = [
        f"{one.draft_id}  {one.status:<10}  version {one.current_version:<5}  {one.created_at}"
        for one in found
    ]
    give(msgspec.to_builtins(found), "\n".join(lines) or "no drafts", as_json=as_json)
