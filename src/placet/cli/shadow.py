"""`placet shadow`: a contract under review beside the one in force, as calls come in."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.studio.shadow.model import ShadowAnswer

_EXAMPLES: Final = """\b
Examples:
  placet shadow start 0199…
  placet shadow show 0199…
  placet shadow stop 0199…
"""


@click.group(name="shadow", epilog=_EXAMPLES)
def command() -> None:
    """Put a snapshot beside what is in force, and count where the two disagree.

    Nothing is enforced by it. Needs your own API key in PLACET_API_KEY.
    """


@command.command()
@click.argument("snapshot", type=click.UUID)
@url_option
@data_dir_option
@json_option
def start(*, snapshot: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Start to count; one shadow of a workspace runs at a time."""
    from placet.cli.desk import at_desk

    _give(at_desk(url, data_dir, lambda studio: studio.impact.start_shadow(snapshot)), as_json)


@command.command()
@click.argument("snapshot", type=click.UUID)
@url_option
@data_dir_option
@json_option
def show(*, snapshot: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print what was counted, and how far the count is behind."""
    from placet.cli.desk import at_desk

    _give(at_desk(url, data_dir, lambda studio: studio.impact.shadow(snapshot)), as_json)


@command.command()
@click.argument("snapshot", type=click.UUID)
@url_option
@data_dir_option
@json_option
def stop(*, snapshot: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Stop counting; what was counted stays."""
    from placet.cli.desk import at_desk

    _give(at_desk(url, data_dir, lambda studio: studio.impact.stop_shadow(snapshot)), as_json)


def _give(found: "ShadowAnswer", as_json: bool) -> None:  # noqa: FBT001 -- as every command has it
    import msgspec

    give(msgspec.json.decode(msgspec.json.encode(found)), _told(found), as_json=as_json)


def _told(found: "ShadowAnswer") -> str:
    counts = found.counts
    ended = f" ({found.ended_why})" if found.ended_why else ""
    numbers = (
        f"{counts.calls:,} calls: {counts.agreed:,} agree, {counts.disagreed:,} disagree,"
        f" {counts.unjudged:,} cannot be judged, {counts.left_out:,} left out"
    )
    parts = [f"{found.status}{ended} since {found.started_at}", numbers]
    if found.lag is not None:
        lag = found.lag
        parts.append(f"behind by {lag.events:,} events, the oldest {lag.seconds:,} s old")
    for one in found.tallies:
        words = "cannot be judged" if one.unjudged else f"from {one.before} to {one.after}"
        if one.unjudged or one.before != one.after:
            name = "".join(c if c.isprintable() else "?" for c in one.tool)
            parts.append(f"  {one.calls:,} {name} {words}")
    return "\n".join(parts)
