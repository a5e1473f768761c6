"""`placet webhook`: addresses that are told of what happens, and what became of each telling."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option, say
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.webhooks.deliveries.model import DeliveryAnswer
    from placet.webhooks.endpoints.model import EndpointAnswer, EndpointWithSecret

# As `WebhookType` and `DeliveryStatus` have them, which `--help` does not import.
EVENTS: Final = (
    "ApprovalRequested",
    "VoteCast",
    "ApprovalGranted",
    "ApprovalRequestClosed",
    "ApprovalRevoked",
    "ApprovalExpired",
    "ApprovalExpiring",
    "DriftOpened",
    "SessionStopped",
    "ControlSet",
    "ControlLiftAsked",
    "ControlLifted",
    "AskOpened",
    "CheckpointSigned",
)
STATUSES: Final = ("due", "delivered", "dead", "skipped", "dropped")

_EXAMPLES: Final = """\b
Examples:
  placet webhook add https://hooks.example.com/placet --name desk
  placet webhook add https://hooks.example.com/kills --name pager --event ControlSet
  placet webhook deliveries 0199… --status dead
  placet webhook release 0199… 0199… --reason "their proxy is back"
"""

_endpoint = click.argument("endpoint", type=click.UUID)
_event = click.argument("event", type=click.UUID)
_reason = click.option("--reason", required=True, help="Why; it stands in the tenant's evidence.")


@click.group(name="webhook", epilog=_EXAMPLES)
def command() -> None:
    """Tell other systems of approvals, drift and kills, by signed calls.

    Needs an operator's or an admin's API key in PLACET_API_KEY.
    """


@command.command()
@click.argument("address")
@click.option("--name", required=True, help="A name by which people know it.")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(EVENTS),
    help="What it is told of; repeatable.  [default: everything]",
)
@url_option
@data_dir_option
@json_option
def add(  # noqa: PLR0913 -- one argument per option
    *,
    address: str,
    name: str,
    events: tuple[str, ...],
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Name an `https` ADDRESS that is told of what happens from now on.

    Its secret is printed this once; the receiver verifies each call with it.
    """
    from placet.cli.desk import at_desk
    from placet.webhooks.endpoints.model import WebhookType

    types = [WebhookType(event) for event in events]
    _give_secret(
        at_desk(url, data_dir, lambda desk: desk.webhooks.add(address, name, types=types)),
        as_json=as_json,
    )


@command.command(name="list")
@url_option
@data_dir_option
@json_option
def list_(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the tenant's endpoints."""
    from placet.cli.desk import at_desk

    async def every(desk: "Studio") -> "list[EndpointAnswer]":
        return [endpoint async for endpoint in desk.webhooks.every()]

    found = at_desk(url, data_dir, every)
    give(_plain(found), "\n".join(map(_line, found)), as_json=as_json)


@command.command()
@_endpoint
@url_option
@data_dir_option
@json_option
def show(*, endpoint: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Show ENDPOINT, without its secret."""
    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda desk: desk.webhooks.get(endpoint))
    give(_plain(found), _line(found), as_json=as_json)


@command.command()
@_endpoint
@click.option(
    "--overlap",
    default=86_400,
    show_default=True,
    type=click.IntRange(0, 7 * 86_400),
    help="For how many seconds calls carry both signatures.",
)
@url_option
@data_dir_option
@json_option
def rotate(
    *, endpoint: UUID, overlap: int, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Give ENDPOINT a new secret, and print it this once."""
    from placet.cli.desk import at_desk

    _give_secret(
        at_desk(
            url, data_dir, lambda desk: desk.webhooks.rotate(endpoint, overlap_seconds=overlap)
        ),
        as_json=as_json,
    )


@command.command()
@_endpoint
@_reason
@url_option
@data_dir_option
@json_option
def disable(
    *, endpoint: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Send ENDPOINT nothing until it is enabled; what waits for it goes on waiting."""
    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda desk: desk.webhooks.disable(endpoint, reason))
    give(_plain(done), _line(done), as_json=as_json)


@command.command()
@_endpoint
@_reason
@url_option
@data_dir_option
@json_option
def enable(
    *, endpoint: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Tell ENDPOINT again: of what waits for it, and of what happens from now on."""
    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda desk: desk.webhooks.enable(endpoint, reason))
    give(_plain(done), _line(done), as_json=as_json)


@command.command()
@_endpoint
@_reason
@click.option("--yes", is_flag=True, help="Do not ask.")
@url_option
@data_dir_option
@json_option
def remove(  # noqa: PLR0913 -- one argument per option
    *,
    endpoint: UUID,
    reason: str,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """End ENDPOINT for ever. What waits for it is never sent."""
    from placet.cli.desk import at_desk

    if not yes:
        click.confirm("Remove it, with all that waits for it?", abort=True, err=True)
    done = at_desk(url, data_dir, lambda desk: desk.webhooks.remove(endpoint, reason))
    give(_plain(done), _line(done), as_json=as_json)


@command.command()
@_endpoint
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200))
@url_option
@data_dir_option
@json_option
def deliveries(  # noqa: PLR0913 -- one argument per option
    *,
    endpoint: UUID,
    status: str | None,
    limit: int,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """List what ENDPOINT was told or is to be told, the newest first.

    A `dead` one was tried for 24 hours. Nothing later of its stream goes out before it is released
    or skipped.
    """
    from placet.cli.desk import at_desk
    from placet.webhooks.deliveries.model import DeliveryStatus

    which = None if status is None else DeliveryStatus(status)
    page = at_desk(
        url, data_dir, lambda desk: desk.webhooks.deliveries(endpoint, status=which, limit=limit)
    )
    give(_plain(page.items), "\n".join(map(_delivery, page.items)), as_json=as_json)
    if page.next_cursor is not None:
        say("there are more; ask for more with --limit, or for some with --status")


@command.command()
@_endpoint
@_event
@_reason
@url_option
@data_dir_option
@json_option
def release(  # noqa: PLR0913 -- one argument per option
    *,
    endpoint: UUID,
    event: UUID,
    reason: str,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Try to tell ENDPOINT of the parked EVENT again, for another 24 hours."""
    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda desk: desk.webhooks.release(endpoint, event, reason))
    give(_plain(done), _delivery(done), as_json=as_json)


@command.command()
@_endpoint
@_event
@_reason
@url_option
@data_dir_option
@json_option
def skip(  # noqa: PLR0913 -- one argument per option
    *,
    endpoint: UUID,
    event: UUID,
    reason: str,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Never tell ENDPOINT of the parked EVENT, and let through what comes after it."""
    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda desk: desk.webhooks.skip(endpoint, event, reason))
    give(_plain(done), _delivery(done), as_json=as_json)


def _give_secret(made: "EndpointWithSecret", *, as_json: bool) -> None:
    text = f"{_line(made.endpoint)}\nsecret  {made.secret}"
    give(_plain(made), text, as_json=as_json)
    say("the secret is shown this once; give it to the receiver")


def _line(endpoint: "EndpointAnswer") -> str:
    events = ",".join(endpoint.event_types) or "everything"
    named = f"{plain(endpoint.name)}  {plain(endpoint.url)}"
    return f"{endpoint.endpoint_id}  {endpoint.status}  {named}  {events}"


def _delivery(row: "DeliveryAnswer") -> str:
    word = f"  {row.last_fault}" if row.last_fault else ""
    answered = f" {row.last_status}" if row.last_status else ""
    held = f"  waits for {row.waits_for}" if row.waits_for else ""
    return (
        f"{row.event_id}  {row.status}  {row.event_type}  {row.attempts} tried"
        f"{word}{answered}{held}"
    )


def _plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)
