"""`placet orphans`: receipts of calls that the service does not know."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.replay.orphans.model import OrphanView
    from placet.sdk.studio.client import Studio


@click.command(name="orphans")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@url_option
@data_dir_option
@json_option
def command(*, limit: int, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the receipts of calls that the service does not know, the latest first.

    After a restore from a backup they tell what was done in the time that was lost: each came with
    a grant that proves it. One with no effect key keeps nobody from doing the same again: its tool
    has no such key, or the arguments or the artifact are not here. Needs an API key in
    PLACET_API_KEY that may read, operate or audit.

    \b
    Examples:
      placet orphans
      placet orphans --limit 1000 --json
    """  # noqa: D301 -- \b keeps click from folding the examples
    import msgspec

    from placet.cli.desk import at_desk

    async def newest(studio: "Studio") -> "list[OrphanView]":
        found: list[OrphanView] = []
        async for one in studio.sessions.orphans():
            found.append(one)
            if len(found) == limit:
                break
        return found

    found = at_desk(url, data_dir, newest)
    give(msgspec.to_builtins(found), "\n".join(map(_line, found)) or "none", as_json=as_json)


def _line(one: "OrphanView") -> str:
    conflict = ", ran other arguments than were granted" if one.conflicting else ""
    key = "" if one.effect_key is not None else ", no effect key"
    return (
        f"{one.receipt_id}  {one.received_at}  {one.status} ({one.evidence_level})  "
        f"{plain(one.tool_name)} of {plain(one.agent)}  call {one.call_id}{conflict}{key}"
    )
