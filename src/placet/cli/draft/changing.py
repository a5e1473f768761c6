"""What every command that changes a draft has in common."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.exits import CommandRefused
from placet.cli.output import give

if TYPE_CHECKING:
    from pathlib import Path

    from placet.sdk.studio.client import Studio
    from placet.studio.drafts.grounds.model import NameSpan
    from placet.studio.drafts.model import AppliedCommand, Command

draft_argument = click.argument("draft", type=click.UUID)
version_option = click.option(
    "--version",
    type=click.IntRange(min=0),
    help="The version that the draft must have; the current one if nothing is said.",
)
reason_option = click.option("--reason", help="Why; it is kept with the change.")
needed_reason_option = click.option("--reason", required=True, help="Why; it is kept.")
spans_option = click.option(
    "--source",
    "spans",
    multiple=True,
    metavar="SOURCE:PART",
    help="A part of a source that the change rests on; repeatable.",
)


async def version_of(studio: "Studio", draft: UUID, version: int | None) -> int:
    """Return the version that a change is decided on."""
    return (await studio.drafts.get(draft)).current_version if version is None else version


def change(  # noqa: PLR0913 -- what may be said of a change, each by its name
    url: str | None,
    data_dir: "Path | None",
    draft: UUID,
    command: "Command",
    *,
    version: int | None,
    reason: str | None,
    spans: tuple[str, ...] = (),
    as_json: bool,
) -> None:
    """Change a draft by one command, and print the version that it made."""
    import msgspec

    from placet.cli.desk import at_desk

    named = [span_of(text) for text in spans]

    async def done(studio: "Studio") -> "AppliedCommand":
        expected = await version_of(studio, draft, version)
        return await studio.drafts.command(
            draft, command, version=expected, reason=reason, sources=named
        )

    applied = at_desk(url, data_dir, done)
    text = f"version {applied.version}, by command {applied.command_id}"
    give(msgspec.to_builtins(applied), text, as_json=as_json)


def span_of(text: str) -> "NameSpan":
    """Return the span that a text names. Raises `CommandRefused`."""
    import msgspec

    from placet.studio.drafts.grounds.model import NameSpan

    source, _, part = text.partition(":")
    try:
        return msgspec.convert({"source_id": source, "part_id": part}, NameSpan)
    except msgspec.ValidationError as fault:
        raise CommandRefused(
            detail=f"`{text}` names no part of a source: {fault}",
            remedy="write SOURCE:PART, such as 0199…:p3; `placet source show` lists the parts",
        ) from fault


def checked_id(text: str) -> str:
    """Return the id of a judgment. Raises `CommandRefused`."""
    import msgspec

    from placet.studio.drafts.grounds.model import JudgmentId

    try:
        return msgspec.convert(text, JudgmentId)
    except msgspec.ValidationError as fault:
        raise CommandRefused(
            detail=f"`{text}` is no id of a judgment: {fault}",
            remedy="`placet draft review` lists the judgments with their ids",
        ) from fault
