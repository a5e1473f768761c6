"""`placet asks`: which calls of agents wait for people."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.asks.model import AskListed


@click.command(name="asks")
@url_option
@data_dir_option
@json_option
def command(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the calls that wait for a yes, the nearest deadline first.

    Needs your own API key in PLACET_API_KEY. Answer with `placet ask approve` or `reject`.
    """
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[AskListed]":
        return [item async for item in studio.asks.every()]

    found = at_desk(url, data_dir, every)
    lines = [_line(one) for one in found]
    give(
        [msgspec.to_builtins(one) for one in found],
        "\n".join(lines) or "nothing waits for anybody",
        as_json=as_json,
    )


def _line(one: "AskListed") -> str:
    people = ", ".join(f"{role.approvals}/{role.count} {plain(role.role)}" for role in one.tally)
    return (
        f"{one.call_id}  {one.environment:11}  {plain(one.agent)}  {plain(one.tool)}  "
        f"{one.status:8}  {people}  until {one.deadline}"
    )
