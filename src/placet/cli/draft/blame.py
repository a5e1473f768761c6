"""`placet draft blame`: who set each rule, why, and what it rests on."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.draft.changing import draft_argument
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placet.studio.drafts.history.model import BlamedRule


@click.command("blame")
@draft_argument
@click.option("--place", help="Only rules at or below this place, such as `$.tools.refund`.")
@url_option
@data_dir_option
@json_option
def command(
    *, draft: UUID, place: str | None, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print every rule of DRAFT with the command that set it."""
    import msgspec

    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.drafts.blame(draft))
    rules = [rule for rule in found.rules if place is None or _is_below(rule.place, place)]
    text = "\n".join(line for rule in rules for line in _lines(rule)) or "no rules"
    give(msgspec.to_builtins(rules), text, as_json=as_json)


def _is_below(at: str, place: str) -> bool:
    return at == place or at.startswith((f"{place}.", f"{place}["))


def _lines(rule: "BlamedRule") -> "Iterator[str]":
    by = rule.set_by
    yield f"{plain(rule.place)} = {plain(rule.value)}"
    why = f": {plain(by.reason)}" if by.reason else ""
    yield f"  version {by.version}, {by.command_type} by {by.actor_id} at {by.applied_at}{why}"
    for span in by.sources:
        at = f"lines {span.first_line} to {span.last_line}"
        yield f"  rests on {span.source_id}:{span.part_id}, {at}"
