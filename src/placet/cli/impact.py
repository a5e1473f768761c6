"""`placet impact`: what a contract under review would have said to recorded calls."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.studio.impact.model import Example, ImpactAnswer, ToolCount

_DAY: Final = 86_400
_EXAMPLES: Final = """\b
Examples:
  placet impact 0199…
  placet impact 0199… --days 7
  placet impact 0199… --calls 2000 --json
"""


@click.command(name="impact", epilog=_EXAMPLES)
@click.argument("snapshot", type=click.UUID)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366))
@click.option("--calls", default=20_000, show_default=True, type=click.IntRange(1, 20_000))
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    snapshot: UUID,
    days: int,
    calls: int,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Hold SNAPSHOT to the calls that its agent made in the last days.

    Each call is judged by the snapshot and by what is in force: what flips is listed with
    examples, and so is what cannot be judged. Nothing is enforced. Needs your own API key in
    PLACET_API_KEY.
    """
    import msgspec

    from placet.cli.desk import at_desk

    made = at_desk(
        url,
        data_dir,
        lambda studio: studio.impact.preview(snapshot, seconds=days * _DAY, calls_max=calls),
    )
    give(msgspec.json.decode(msgspec.json.encode(made)), _told(made), as_json=as_json)


def _told(made: "ImpactAnswer") -> str:
    report = made.report
    against = "what is in force" if made.against_hash else "what was decided at the time"
    more = "; there are more" if report.is_truncated else ""
    parts = [
        f"{report.calls:,} calls of {report.sessions:,} sessions{more}, against {against}",
        f"{report.same:,} stay as they are",
    ]
    for flip in report.flips:
        parts.append(f"{flip.calls:,} from {flip.before} to {flip.after}: {_tools(flip.tools)}")
        parts += [_example(one) for one in flip.examples]
    for kind in report.unjudged:
        name = kind.missing.replace("_", " ")
        parts.append(f"{kind.calls:,} cannot be judged ({name}): {_tools(kind.tools)}")
        parts += [_example(one) for one in kind.examples]
    if report.unrecorded:
        parts.append(f"rules about these facts judged nothing: {', '.join(report.unrecorded)}")
    return "\n".join(parts)


def _tools(tools: "list[ToolCount]") -> str:
    return ", ".join(f"{_plain(one.tool or '(others)')} {one.calls:,}" for one in tools)


def _example(one: "Example") -> str:
    judgment = one.after if one.after.reasons or one.after.missing else one.before
    why = judgment.missing_detail or ", ".join(reason.code for reason in judgment.reasons)
    given = one.arguments or f"(arguments {one.arguments_hash[:12]}…)"
    return f"  {_plain(one.tool)} {_plain(given)}  {_plain(why)}".rstrip()


def _plain(text: str) -> str:
    """Return a recorded text as a terminal may show it: on one line, without control codes."""
    return "".join(one if one.isprintable() else "?" for one in text[:200])
