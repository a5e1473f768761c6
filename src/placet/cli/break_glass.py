"""`placet break-glass`: putting in force, for an hour at most, what was approved to stand by."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.break_glass.model import ActivationAnswer

_EXAMPLES: Final = """\b
Examples:
  placet request make 0199… --break-glass              beforehand, for an ordinary quorum
  placet break-glass open 0199… --minutes 30 --reason "the provider is down" --key ada.key
  placet break-glass confirm 0199… --key ben.key       within 15 minutes, by somebody else
  placet break-glass end 0199… --reason "the provider is back"
  placet break-glass list 0199…
"""
_key = click.option(
    "--key",
    "key_file",
    envvar="PLACET_PERSON_KEY",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of your own key.  [env: PLACET_PERSON_KEY]",
)
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(name="break-glass", epilog=_EXAMPLES)
def command() -> None:
    """Activate what a quorum approved beforehand to stand by. It takes two operators.

    It lifts no kill and no revocation, and opens critical drift. Needs your own API key in
    PLACET_API_KEY.
    """


@command.command(name="open")
@click.argument("approval", type=click.UUID)
@click.option(
    "--minutes", required=True, type=click.IntRange(1, 60), help="For how long, once confirmed."
)
@click.option("--reason", required=True, help="Why; both operators sign it.")
@_key
@_yes
@url_option
@data_dir_option
@json_option
def open_(  # noqa: PLR0913 -- one argument per option
    *,
    approval: UUID,
    minutes: int,
    reason: str,
    key_file: Path,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Sign, as the first operator, that what APPROVAL lets stand by is to be in force."""
    from placet.cli.desk import at_desk
    from placet.cli.key_file import load_key

    if not yes:
        question = f"Sign that {approval} is to be in force for {minutes} minutes?"
        click.confirm(question, abort=True, err=True)
    key = load_key(key_file)
    made = at_desk(
        url,
        data_dir,
        lambda studio: studio.break_glass.open(approval, key, minutes=minutes, reason=reason),
    )
    give(_document(made), _told(made), as_json=as_json)


@command.command()
@click.argument("activation", type=click.UUID)
@_key
@_yes
@url_option
@data_dir_option
@json_option
def confirm(  # noqa: PLR0913 -- one argument per option
    *,
    activation: UUID,
    key_file: Path,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show ACTIVATION, and sign the same as the second operator: then it is in force."""
    from placet.cli.desk import at_desk
    from placet.cli.key_file import load_key

    shown = at_desk(url, data_dir, lambda studio: studio.break_glass.get(activation))
    if not as_json:
        click.echo(_told(shown))
    if not yes:
        click.confirm("Sign this?", abort=True, err=True)
    key = load_key(key_file)
    done = at_desk(url, data_dir, lambda studio: studio.break_glass.confirm(shown, key))
    give(_document(done), f"in force until {done.ends_at}", as_json=as_json)


@command.command()
@click.argument("activation", type=click.UUID)
@click.option("--reason", required=True, help="Why; it stands in the evidence.")
@url_option
@data_dir_option
@json_option
def end(
    *, activation: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """End ACTIVATION before its time; nothing is granted under it after the answer."""
    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda studio: studio.break_glass.end(activation, reason))
    give(_document(done), f"{done.status} at {done.ended_at}", as_json=as_json)


@command.command()
@click.argument("activation", type=click.UUID)
@url_option
@data_dir_option
@json_option
def show(*, activation: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print what ACTIVATION puts in force, who signed it, and until when it holds."""
    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.break_glass.get(activation))
    give(_document(found), _told(found), as_json=as_json)


@command.command(name="list")
@click.argument("workspace", type=click.UUID)
@url_option
@data_dir_option
@json_option
def list_(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the activations of WORKSPACE, the latest first, each as it counts now."""
    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[ActivationAnswer]":
        return [item async for item in studio.break_glass.every(workspace)]

    found = at_desk(url, data_dir, every)
    lines = [f"{one.activation_id}  {one.status:9}  {plain(one.reason)}" for one in found]
    give([_document(one) for one in found], "\n".join(lines), as_json=as_json)


def _document(found: "ActivationAnswer") -> object:
    import msgspec

    return msgspec.to_builtins(found)


def _told(found: "ActivationAnswer") -> str:
    lines = [
        f"activation {found.activation_id}",
        f"status     {found.status}",
        f"workspace  {found.workspace_id}",
        f"approval   {found.approval_id}",
        f"artifact   {found.artifact_hash}",
        f"for        {found.minutes} minutes",
        f"because    {plain(found.reason)}",
        f"opened     {found.opened_at} by {found.opened_by}",
    ]
    if found.confirmed_by is None:
        lines.append(f"lapses     {found.lapses_at} unless another operator confirms it")
    else:
        lines.append(f"confirmed  {found.confirmed_at} by {found.confirmed_by}")
        lines.append(f"ends       {found.ends_at}")
    if found.ended_at is not None:
        why = found.end_why or found.status
        lines.append(f"over       {found.ended_at} ({why})")
    return "\n".join(lines)
