"""`placet draft history`: who changed a draft, when and why."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.draft.changing import draft_argument
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.drafts.lists.model import CommandSummary


@click.command("history")
@draft_argument
@url_option
@data_dir_option
@json_option
def command(*, draft: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the commands on DRAFT in the order of its versions."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[CommandSummary]":
        return [one async for one in studio.drafts.history(draft)]

    found = at_desk(url, data_dir, every)
    text = "\n".join(map(_line, found)) or "no commands"
    give(msgspec.to_builtins(found), text, as_json=as_json)


def _line(one: "CommandSummary") -> str:
    why = f"  {plain(one.reason)}" if one.reason else ""
    return f"{one.version:5}  {one.applied_at}  {one.actor_id}  {one.command_type}{why}"
