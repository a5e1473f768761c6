"""`placet request`: asking people for their assent to a snapshot."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.exits import CommandRefused
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.requests.model import RequestAnswer, RequestSummary
    from placet.studio.votes.model import VoteList
    from placet.studio.workspaces.model import ApprovalPolicy, FirstMember

_DAY: Final = 86_400
_EXAMPLES: Final = """\b
Examples:
  placet request make 0199… --days 3
  placet request make 0199… --next-policy stricter.json --first-member risk=5b1f…
  placet request show 0199…
  placet request list 0199… --status open
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
@click.option(
    "--next-policy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the approval policy, as JSON, that holds from this approval on.",
)
@click.option(
    "--first-member",
    "first_members",
    multiple=True,
    metavar="GROUP=KEY_ID",
    help="Who is in a group that the next policy adds; repeatable.",
)
@click.option(
    "--break-glass",
    is_flag=True,
    help="Put nothing in force: it stands by until two operators activate it.",
)
@url_option
@data_dir_option
@json_option
def make(  # noqa: PLR0913 -- one argument per option
    *,
    snapshot: UUID,
    days: int,
    next_policy: Path | None,
    first_members: tuple[str, ...],
    break_glass: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Ask the workspace's approvers for their assent to SNAPSHOT.

    With --next-policy the approval also brings another approval policy. This one is judged by the
    policy of now.
    """
    from placet.cli.desk import at_desk
    from placet.evidence.vote import VotePurpose
    from placet.studio.requests.model import RequestApproval

    wish = RequestApproval(
        snapshot_id=snapshot,
        deadline_seconds=days * _DAY,
        next_approval_policy=None if next_policy is None else _policy(next_policy),
        first_members=tuple(map(_first_member, first_members)),
        purpose=VotePurpose.BREAK_GLASS if break_glass else VotePurpose.ORDINARY,
    )
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


@command.command(name="list")
@click.argument("workspace", type=click.UUID)
@click.option(
    "--status",
    type=click.Choice(["open", "granted", "refused", "withdrawn", "expired", "superseded"]),
    help="Only those of this status.",
)
@url_option
@data_dir_option
@json_option
def list_(
    *,
    workspace: UUID,
    status: str | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """List the requests of WORKSPACE as they count now, the newest first."""
    import msgspec

    from placet.cli.desk import at_desk
    from placet.studio.requests.model import RequestStatus

    wanted = None if status is None else RequestStatus(status)

    async def every(studio: "Studio") -> "list[RequestSummary]":
        return [item async for item in studio.requests.every(workspace, status=wanted)]

    found = at_desk(url, data_dir, every)
    lines = [f"{one.request_id}  {one.status}  until {one.deadline:%F %T %Z}" for one in found]
    give(msgspec.to_builtins(found), "\n".join(lines), as_json=as_json)


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


def _policy(file: Path) -> "ApprovalPolicy":
    import msgspec

    from placet.studio.workspaces.model import ApprovalPolicy

    remedy = 'write it as JSON, such as {"quorum": 2, "groups": [{"name": "risk", "quorum": 1}]}'
    try:
        return msgspec.json.decode(file.read_bytes(), type=ApprovalPolicy)
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{file}` cannot be read: {fault.strerror}", remedy=remedy
        ) from fault
    except msgspec.MsgspecError as fault:
        raise CommandRefused(
            detail=f"`{file}` is no approval policy: {fault}", remedy=remedy
        ) from fault


def _first_member(text: str) -> "FirstMember":
    import msgspec

    from placet.studio.workspaces.model import FirstMember

    group, _, key_id = text.partition("=")
    try:
        return msgspec.convert({"group": group, "key_id": key_id}, FirstMember)
    except msgspec.MsgspecError as fault:
        raise CommandRefused(
            detail=f"`{text}` is no member of a group: {fault}",
            remedy="write GROUP=KEY_ID, with the key id that `placet person-key show` prints",
        ) from fault


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
