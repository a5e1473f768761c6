"""`placet retention`: for how long closed streams keep what they say, and what is due."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.exits import CommandRefused
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import counted

if TYPE_CHECKING:
    from placet.audit.retention.model import RetentionAnswer, RetentionShown

# As `StreamClass` has them, which `--help` does not import.
CLASSES: Final = ("session", "workspace", "run")

_EXAMPLES: Final = """\b
Examples:
  placet retention show
  placet retention set --class session --days 365 --reason "our policy of 2026"
  placet retention set --class session --for-ever --reason "a court asked us to keep it"
  placet retention run
"""


@click.group(name="retention", epilog=_EXAMPLES)
def command() -> None:
    """Keep bodies of closed streams for so many days, and erase them then.

    Nothing goes that is not in a signed checkpoint and in an export. Setting and running need an
    admin's API key in PLACET_API_KEY, showing an auditor's or an admin's.
    """


@command.command()
@url_option
@data_dir_option
@json_option
def show(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Show the policies, where closed streams stand, and why nothing goes if that is so."""
    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda desk: desk.retention.show())
    give(found, _told(found), as_json=as_json)


@command.command(name="set")
@click.option("--class", "stream_class", required=True, type=click.Choice(CLASSES))
@click.option("--days", type=click.IntRange(0, 36_500), help="Days after the stream closed.")
@click.option("--for-ever", is_flag=True, help="Erase nothing of this class.")
@click.option("--reason", required=True, help="Why; it stands in the tenant's evidence.")
@url_option
@data_dir_option
@json_option
def set_(  # noqa: PLR0913 -- one argument per option
    *,
    stream_class: str,
    days: int | None,
    for_ever: bool,
    reason: str,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Keep bodies of closed streams of a class for so many days, or for ever."""
    from placet.audit.erasures.model import StreamClass
    from placet.cli.desk import at_desk

    if (days is None) is not for_ever:
        raise CommandRefused(
            detail="it is not said for how long", remedy="give either --days or --for-ever"
        )
    which = StreamClass(stream_class)
    made = at_desk(url, data_dir, lambda desk: desk.retention.set(which, days, reason))
    give(made, f"{stream_class}: {_days(days)}", as_json=as_json)


@command.command()
@url_option
@data_dir_option
@json_option
def run(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Erase now what is due, as the service does every ten minutes."""
    from placet.cli.desk import at_desk

    made = at_desk(url, data_dir, lambda desk: desk.retention.run())
    more = "; more is due: run it again" if made.more else ""
    give(made, f"{made.bodies} bodies of {made.streams} streams{more}", as_json=as_json)


def _told(found: "RetentionAnswer") -> str:
    last = "none" if found.last_export_at is None else f"{found.last_export_at:%Y-%m-%d %H:%M}"
    head = f"exports {found.exports} (the last: {last}), log signed up to {found.log_size}"
    return "\n".join([head, *map(_line, found.classes)])


def _line(one: "RetentionShown") -> str:
    counts = one.streams
    told = (
        f"{one.stream_class.value}: {_days(one.days)}; erased {counts.erased}, due {counts.due},"
        f" too young {counts.young}, unsettled {counts.unsettled},"
        f" in no checkpoint {counts.unlogged}, in no export {counts.unexported}"
    )
    return told if one.nothing_goes is None else f"{told}\n  nothing goes: {one.nothing_goes}"


def _days(days: int | None) -> str:
    return "kept for ever" if days is None else f"kept for {counted(days, 'day')}"
