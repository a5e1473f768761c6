"""Commands that put controls on one session."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.exits import CommandRefused
from placet.cli.output import give
from placet.cli.session.telling import of_session
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio


@click.command()
@of_session
@click.option("--add", "added", multiple=True, metavar="NAME=VALUE", help="Put on; repeatable.")
@click.option("--clear", "cleared", multiple=True, metavar="NAME", help="Take off; repeatable.")
def labels(  # noqa: PLR0913 -- one argument per option
    *,
    session: UUID,
    added: tuple[str, ...],
    cleared: tuple[str, ...],
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Print the labels of SESSION, or put labels on it, or take some off.

    Rules of the contract may look at labels. Agents only add them.
    """
    from placet.cli.desk import at_desk

    if added and cleared:
        raise CommandRefused(
            detail="labels are put on or taken off, not both at once",
            remedy="run it twice, with --clear first",
        )
    pairs = dict(_pair(one) for one in added)

    async def done(studio: "Studio") -> dict[str, str]:
        if not pairs and not cleared:
            return (await studio.sessions.get(session)).labels
        return (await studio.sessions.label(session, add=pairs, clear=cleared)).labels

    found = at_desk(url, data_dir, done)
    lines = [f"{plain(name)}={plain(value)}" for name, value in sorted(found.items())]
    give(found, "\n".join(lines) or "no labels", as_json=as_json)


@click.command(name="filter")
@of_session
@click.argument("tools", nargs=-1)
@click.option("--reason", help="Why, kept in the evidence; needed to take tools away.")
def filter_(  # noqa: PLR0913 -- one argument per option
    *,
    session: UUID,
    tools: tuple[str, ...],
    reason: str | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Print which TOOLS were taken away from SESSION, or take some away. Nobody gives them back."""
    from placet.cli.desk import at_desk

    if tools and not reason:
        raise CommandRefused(
            detail="tools are taken away for a reason", remedy="say why with --reason"
        )

    async def done(studio: "Studio") -> list[str]:
        if not tools:
            return (await studio.sessions.get(session)).filtered_tools
        return (await studio.sessions.filter(session, tools, reason or "")).filtered_tools

    found = at_desk(url, data_dir, done)
    give(found, "\n".join(map(plain, found)) or "no tools were taken away", as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise CommandRefused(
            detail=f"`{text}` is no label", remedy="write a label as name=value, without spaces"
        )
    return name, value
