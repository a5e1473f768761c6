"""`placet request`: asking people for their assent to a snapshot."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.requests.model import RequestAnswer
    from placet.studio.votes.model import VoteList

_DAY: Final = 86_400
_EXAMPLES: Final = """\b
Examples:
  placet request make 0199… --days 3
  placet request show 0199…
  placet approve 0199… --key ada.key
  placet request withdraw 0199… --reason "a rule is missing"
"""


@click.group(name="request", epilog=_EXAMPLES)
def command() -> None:
    """Ask for an approval, look at what became of it, or take it back.

    Needs your own API key in PLACET_API_KEY. To vote on a request: `placet approve`.
    """


@command.command()
@click.argument("snapshot", type=click.UUID)
@click.option("--days", default=7, show_default=True, help="How long people may vote, at most 30.")
@url_option
@data_dir_option
@json_option
def make(
    *, snapshot: UUID, days: int, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Ask the workspace's approvers for their assent to SNAPSHOT."""
    from placet.cli.desk import at_desk
    from placet.studio.requests.model import RequestApproval

    wish = RequestApproval(snapshot_id=snapshot, deadline_seconds=days * _DAY)
    made = at_desk(url, data_dir, lambda studio: studio.requests.make(wish))
    give(_document(made), str(made.request_id), as_json=as_json)


@command.command()
@click.argument("request", type=click.UUID)
@url_option
@data_dir_option
@json_option
def show(*, request: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print what became of REQUEST, who voted how, and what is missing."""
    import msgspec

    from placet.cli.desk import at_desk

    async def both(studio: "Studio") -> "tuple[RequestAnswer, VoteList]":
        return await studio.requests.get(request), await studio.requests.votes(request)

    found, votes = at_desk(url, data_dir, both)
    told = _document(found) | {"votes": msgspec.to_builtins(votes)}
    give(told, "\n".join(_lines(found, votes)), as_json=as_json)


@command.command()
@click.argument("request", type=click.UUID)
@click.option("--reason", required=True, help="Why; it stands in the evidence.")
@url_option
@data_dir_option
@json_option
def withdraw(
    *, request: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Take REQUEST back, as whoever made it or as an author of the draft."""
    from placet.cli.desk import at_desk

    closed = at_desk(url, data_dir, lambda studio: studio.requests.withdraw(request, reason))
    give(_document(closed), str(closed.status), as_json=as_json)


def _document(found: "RequestAnswer") -> dict[str, object]:
    import msgspec

    told: dict[str, object] = msgspec.json.decode(msgspec.json.encode(found))
    return told


def _lines(found: "RequestAnswer", votes: "VoteList") -> list[str]:
    tally = votes.tally
    lines = [
        f"request    {found.request_id} ({found.status}, until {found.deadline})",
        f"snapshot   {found.snapshot_id}",
        f"artifact   {found.artifact_hash}",
    ]
    lines += [
        f"voted      {vote.voter_id} {vote.decision} ({vote.signed_in})" for vote in votes.votes
    ]
    lines.append(f"approvals  {tally.approvals} of {tally.quorum}")
    lines += [f"group      {one.name}: {one.approvals} of {one.quorum}" for one in tally.groups]
    return lines
