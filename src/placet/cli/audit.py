"""`placet audit`: searching what happened."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from placet.cli.desk import output_option
from placet.cli.exits import CommandRefused
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.times import FORM, moment
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.audit.search.model import AuditFilter, EventFound, EventsFound
    from placet.sdk.studio.client import Studio

F = TypeVar("F", bound=Callable[..., None])

_EXAMPLES: Final = """\b
Examples:
  placet audit search --tool issue_refund --verdict deny
  placet audit search --agent refund-desk --from 2026-03-01T00:00Z --to 2026-03-02T00:00Z
  placet audit search --fingerprint 4f1c… --oldest
  placet audit export --rule refunds.cap -o found.jsonl
"""
_FILTERS: Final = (
    click.option("--actor", type=click.UUID, help="Who did it."),
    click.option("--agent", help="Which agent it is of."),
    click.option("--tool", help="Which tool."),
    click.option("--verdict", type=click.Choice(["allow", "deny", "ask"]), help="What was said."),
    click.option("--rule", help="A rule that was named as a reason."),
    click.option("--fingerprint", help="The hash of a call's arguments, or its effect key."),
    click.option("--type", "type_", help="The type of event, such as CallProposed."),
    click.option("--from", "since", metavar="TIME", help=f"Not before, {FORM}."),
    click.option("--to", "until", metavar="TIME", help="Before."),
    click.option("--oldest", is_flag=True, help="The oldest first, not the newest."),
)


def _filters(function: F) -> F:
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@click.group(name="audit", epilog=_EXAMPLES)
def command() -> None:
    """Search the events of your tenant's log, by who, what, which rule and when.

    Needs an API key in PLACET_API_KEY that may audit. What is given must all fit.
    """


@command.command()
@_filters
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@url_option
@data_dir_option
@json_option
def search(
    *, limit: int, url: str | None, data_dir: Path | None, as_json: bool, **asked: object
) -> None:
    """Print the events that are found, and how far the index is."""
    import msgspec

    from placet.audit.search.model import SearchOrder
    from placet.cli.desk import at_desk

    order = SearchOrder.OLDEST if asked.pop("oldest") else SearchOrder.NEWEST
    filter_ = _filter(asked)

    async def work(studio: "Studio") -> "tuple[list[EventFound], EventsFound]":
        found: list[EventFound] = []
        cursor: str | None = None
        while True:
            page = await studio.audit.page(
                filter_, order=order, cursor=cursor, limit=min(200, limit - len(found))
            )
            found += page.items
            cursor = page.next_cursor
            if cursor is None or len(found) >= limit:
                return found, page

    found, last = at_desk(url, data_dir, work)
    told = {
        "items": msgspec.to_builtins(found),
        "more": last.next_cursor is not None,
        "indexed_through": last.indexed_through,
        "log_size": last.log_size,
    }
    give(told, "\n".join(_lines(found, last)), as_json=as_json)


@command.command()
@_filters
@output_option
@url_option
@data_dir_option
@json_option
def export(
    *, file: Path, url: str | None, data_dir: Path | None, as_json: bool, **asked: object
) -> None:
    """Write everything that is found to a file. That somebody did so is an event."""
    from placet.audit.search.model import SearchOrder
    from placet.cli.desk import at_desk, write_file

    order = SearchOrder.OLDEST if asked.pop("oldest") else SearchOrder.NEWEST
    filter_ = _filter(asked)
    data = at_desk(url, data_dir, lambda studio: studio.audit.export(filter_, order=order))
    if not data[:-1].rpartition(b"\n")[2].startswith(b'{"kind":"manifest",'):
        raise CommandRefused(
            detail="the export broke off: the index is being made anew",
            remedy="export again once `placet audit search` says that it is up to date",
        )
    write_file(file, data)
    count = data.count(b"\n") - 2
    give({"file": str(file), "events": count}, f"{count:,} events in {file}", as_json=as_json)


def _filter(asked: dict[str, object]) -> "AuditFilter":
    import msgspec

    from placet.audit.search.model import AuditFilter

    named = asked | {
        "type": asked["type_"],
        "since": moment(asked["since"]),
        "until": moment(asked["until"]),
    }
    del named["type_"]
    try:
        return msgspec.convert(named, AuditFilter)
    except msgspec.ValidationError as fault:
        raise CommandRefused(
            detail=f"the filters cannot be read: {fault}",
            remedy="a fingerprint is 64 hexadecimal digits in lower case",
        ) from fault


def _lines(found: "list[EventFound]", last: "EventsFound") -> list[str]:
    lines = [
        plain(
            f"{one.at:%F %T}  {one.index:>8}  {one.type:<20}  "
            f"{one.agent or '-'}  {one.tool or '-'}  {one.verdict or ''} {' '.join(one.rules)}"
        ).rstrip()
        for one in found
    ]
    behind = last.log_size - last.indexed_through
    lines.append(
        f"{len(found)} events"
        + (", and there may be more" if last.next_cursor is not None else "")
        + (f"; {behind} entries of the log are not indexed yet" if behind else "")
    )
    return lines
