"""`placet drift`: where what agents do parts from what was approved."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.drift.model import DriftAnswer
    from placet.studio.rule_evidence.model import EvidenceAnswer

_STATUSES: Final = ("open", "acknowledged", "resolved", "accepted", "waived", "superseded")
_EXAMPLES: Final = """\b
Examples:
  placet drift scan 0199…
  placet drift list 0199… --status open
  placet drift acknowledge 0199… --reason "Ada looks into it"
  placet drift waive 0199… --until 2027-01-31 --reason "gone with the next release"
  placet drift accept 0199… --reason "we want this tool"
  placet drift evidence 0199…
"""
_reason = click.option("--reason", required=True, help="Why; it stands in the evidence.")


@click.group(name="drift", epilog=_EXAMPLES)
def command() -> None:
    """Compare what agents do with what was approved, and decide about what differs.

    Nothing here changes an approval. Needs your own API key in PLACET_API_KEY.
    """


@command.command()
@click.argument("workspace", type=click.UUID)
@url_option
@data_dir_option
@json_option
def scan(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Compare the runtime of WORKSPACE with its approval now; the worker does it every hour."""
    from placet.cli.desk import at_desk

    receipt = at_desk(url, data_dir, lambda studio: studio.drift.scan(workspace))
    text = (
        f"looked at {receipt.call_count:,} calls from {receipt.window_from} to"
        f" {receipt.window_to}, {receipt.tool_count:,} versions of tools,"
        f" {receipt.rule_count:,} rules: {receipt.opened_count:,} items opened,"
        f" {receipt.live_count:,} not closed"
    )
    give(_document(receipt), text, as_json=as_json)


@command.command(name="list")
@click.argument("workspace", type=click.UUID)
@click.option("--status", type=click.Choice(_STATUSES), help="Only items of this status.")
@url_option
@data_dir_option
@json_option
def list_items(
    *, workspace: UUID, status: str | None, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """List the items of WORKSPACE, the newest first."""
    from placet.cli.desk import at_desk
    from placet.studio.drift.model import DriftStatus

    wanted = DriftStatus(status) if status else None

    async def every(studio: "Studio") -> "list[DriftAnswer]":
        return [item async for item in studio.drift.every(workspace, status=wanted)]

    found = at_desk(url, data_dir, every)
    lines = [
        f"{item.item_id}  {item.severity:<8}  {item.status:<12}  {item.seen_count:>6,}  "
        f"{_plain(item.summary)}"
        for item in found
    ]
    give([_document(item) for item in found], "\n".join(lines) or "no drift", as_json=as_json)


@command.command()
@click.argument("item", type=click.UUID)
@url_option
@data_dir_option
@json_option
def show(*, item: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print ITEM as it counts now."""
    from placet.cli.desk import at_desk

    _give(at_desk(url, data_dir, lambda studio: studio.drift.get(item)), as_json)


@command.command()
@click.argument("item", type=click.UUID)
@_reason
@url_option
@data_dir_option
@json_option
def acknowledge(
    *, item: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Say that somebody looks after ITEM."""
    from placet.cli.desk import at_desk

    _give(at_desk(url, data_dir, lambda studio: studio.drift.acknowledge(item, reason)), as_json)


@command.command()
@click.argument("item", type=click.UUID)
@_reason
@url_option
@data_dir_option
@json_option
def resolve(
    *, item: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Say that ITEM is no more; the same seen later opens another."""
    from placet.cli.desk import at_desk

    _give(at_desk(url, data_dir, lambda studio: studio.drift.resolve(item, reason)), as_json)


@command.command()
@click.argument("item", type=click.UUID)
@click.option(
    "--until",
    required=True,
    type=click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ")),
    help="When it is open again, in UTC; within a year.",
)
@_reason
@url_option
@data_dir_option
@json_option
def waive(  # noqa: PLR0913 -- one argument per option
    *,
    item: UUID,
    until: datetime,
    reason: str,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Let ITEM be until a date."""
    from placet.cli.desk import at_desk

    end = until.replace(tzinfo=UTC)
    _give(at_desk(url, data_dir, lambda studio: studio.drift.waive(item, reason, end)), as_json)


@command.command()
@click.argument("item", type=click.UUID)
@_reason
@url_option
@data_dir_option
@json_option
def accept(
    *, item: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Take ITEM up in the workspace's draft, by the command that it suggests."""
    from placet.cli.desk import at_desk

    made = at_desk(url, data_dir, lambda studio: studio.drift.accept(item, reason))
    text = f"draft {made.draft_id} is at version {made.version}, by `{made.command_type}`"
    give(_document(made), text, as_json=as_json)


@command.command()
@click.argument("approval", type=click.UUID)
@url_option
@data_dir_option
@json_option
def evidence(*, approval: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List what speaks for each rule of APPROVAL and what against it, and how fresh that is."""
    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[EvidenceAnswer]":
        return [entry async for entry in studio.drift.evidence(approval)]

    found = at_desk(url, data_dir, every)
    lines = [
        f"{entry.support_count:>6,} for  {entry.contradiction_count:>6,} against  "
        f"{entry.freshness:<7}  {_plain(entry.rule)}"
        for entry in found
    ]
    give([_document(entry) for entry in found], "\n".join(lines) or "none yet", as_json=as_json)


def _give(found: "DriftAnswer", as_json: bool) -> None:  # noqa: FBT001 -- as every command has it
    lines = [
        f"{found.kind}, {found.severity}, {found.status}: {_plain(found.summary)}",
        f"seen {found.seen_count:,} times from {found.first_seen_at} to {found.last_seen_at}",
        f"approval {found.approval_id}, {_plain(found.target_ref)}",
    ]
    if found.reason is not None:
        until = f" until {found.waived_until}" if found.waived_until else ""
        lines.append(f"decided by {found.decided_by}{until}: {_plain(found.reason)}")
    if found.draft_id is not None:
        lines.append(f"draft {found.draft_id}")
    give(_document(found), "\n".join(lines), as_json=as_json)


def _document(found: object) -> dict[str, object]:
    import msgspec

    told: dict[str, object] = msgspec.json.decode(msgspec.json.encode(found))
    return told


def _plain(text: str) -> str:
    """Return a text that a model or an agent may have chosen, safe to print on one line."""
    return "".join(character if character.isprintable() else "?" for character in text)
