"""`placet control`: stop a tenant, an agent or a tool, and lift that together with a colleague."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.authority.controls.model import ControlView
    from placet.authority.lifts.model import LiftView
    from placet.evidence.ed25519 import SigningKey
    from placet.replay.controls.model import UnconfirmedCall
    from placet.sdk.studio.client import Studio

_EXAMPLES: Final = """\b
Examples:
  placet control kill tool issue_refund --reason "it pays twice"
  placet control unconfirmed 0199…
  placet control lift 0199… --reason "the provider repaired it" --key ada.key
  placet control confirm 0199… --reason "I saw it work" --key bob.key
"""

_reason = click.option("--reason", required=True, help="Why; it stands in the evidence.")
_control = click.argument("control", type=click.UUID)
_key_file = click.option(
    "--key",
    "key_file",
    envvar="PLACET_PERSON_KEY",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of your own enrolled key.  [env: PLACET_PERSON_KEY]",
)
_yes = click.option("-y", "--yes", is_flag=True, help="Ask nothing.")


@click.group(name="control", epilog=_EXAMPLES)
def command() -> None:
    """Stop more than one session at once, see what was out, and lift it as two people.

    Needs an operator's API key in PLACET_API_KEY.
    """


@command.command()
@click.argument("kind", type=click.Choice(("tenant", "agent", "tool")))
@click.argument("target", default="")
@_reason
@url_option
@data_dir_option
@json_option
def kill(  # noqa: PLR0913 -- one argument per option
    *,
    kind: Literal["tenant", "agent", "tool"],
    target: str,
    reason: str,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Stop the tenant, or the agent or tool named TARGET: nothing of it is granted from then on."""
    import msgspec

    from placet.cli.desk import at_desk

    made = at_desk(url, data_dir, lambda studio: studio.controls.kill(kind, target, reason=reason))
    text = f"{made.control_id}  {kind} {plain(target)} stopped from epoch {made.control_epoch} on"
    give(msgspec.to_builtins(made), text, as_json=as_json)


@command.command(name="list")
@click.option("--all", "is_all", is_flag=True, help="Those that were lifted too.")
@url_option
@data_dir_option
@json_option
def list_(*, is_all: bool, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the controls in force, the latest first."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[ControlView]":
        controls = studio.controls.every()
        return [one async for one in controls if is_all or one.lifted_epoch is None]

    found = at_desk(url, data_dir, every)
    text = "\n".join(map(_line, found)) or "no controls"
    give(msgspec.to_builtins(found), text, as_json=as_json)


@command.command()
@_control
@url_option
@data_dir_option
@json_option
def unconfirmed(*, control: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the calls whose grants were out when CONTROL was set, and are not settled."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[UnconfirmedCall]":
        return [one async for one in studio.controls.unconfirmed(control)]

    found = at_desk(url, data_dir, every)
    text = "\n".join(map(_call, found)) or "nothing is out"
    give(msgspec.to_builtins(found), text, as_json=as_json)


@command.command()
@_control
@_reason
@_key_file
@_yes
@url_option
@data_dir_option
@json_option
def lift(  # noqa: PLR0913 -- one argument per option
    *,
    control: UUID,
    reason: str,
    key_file: Path | None,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Sign that CONTROL is to be lifted. It stays in force until a colleague confirms."""
    from placet.cli.desk import at_desk
    from placet.kernel.ids import SystemIds

    shown = at_desk(url, data_dir, lambda studio: studio.controls.get(control))
    key = _key(_line(shown), key_file, yes=yes, as_json=as_json)

    async def ask(studio: "Studio") -> "LiftView":
        me = await studio.people.me()
        return await studio.controls.ask_lift(shown, me, key, reason=reason, ids=SystemIds())

    made = at_desk(url, data_dir, ask)
    text = f"{made.lift_id}  asked; a colleague confirms it by {made.lapses_at}"
    give(_plain(made), text, as_json=as_json)


@command.command()
@_control
@_reason
@_key_file
@_yes
@url_option
@data_dir_option
@json_option
def confirm(  # noqa: PLR0913 -- one argument per option
    *,
    control: UUID,
    reason: str,
    key_file: Path | None,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Sign, as the second person, that CONTROL is lifted: grants pass again from then on."""
    from placet.cli.desk import at_desk

    shown, asked = at_desk(url, data_dir, lambda studio: _asked(studio, control))
    told = f"{_line(shown)}\nasked by {asked.asked_by}: {plain(asked.reason)}"
    key = _key(told, key_file, yes=yes, as_json=as_json)

    async def agree(studio: "Studio") -> "LiftView":
        me = await studio.people.me()
        return await studio.controls.confirm_lift(shown, asked.lift_id, me, key, reason=reason)

    done = at_desk(url, data_dir, agree)
    give(_plain(done), f"lifted from epoch {done.lifted_epoch} on", as_json=as_json)


async def _asked(studio: "Studio", control: UUID) -> "tuple[ControlView, LiftView]":
    """Return a control and the last wish to lift it that waits for a colleague."""
    shown = await studio.controls.get(control)
    async for one in studio.controls.lifts(control):
        if one.confirmed_at is None:
            return shown, one
    raise CommandRefused(
        detail="nobody asked for this control to be lifted",
        remedy="ask with `placet control lift`, and let a colleague confirm",
        code=Exit.NOT_FOUND,
    )


def _key(shown: str, key_file: Path | None, *, yes: bool, as_json: bool) -> "SigningKey | None":
    """Show what is to be lifted, and return the key that signs; none where none is named."""
    from placet.cli.key_file import load_key

    if not as_json:
        click.echo(shown)
    if not yes:
        click.confirm("Sign that it is lifted?", abort=True, err=True)
    return None if key_file is None else load_key(key_file)


def _line(control: "ControlView") -> str:
    lifted = "" if control.lifted_epoch is None else f"  lifted in epoch {control.lifted_epoch}"
    what = f"{control.kind} {plain(control.target)}".rstrip()
    return (
        f"{control.control_id}  {what}, epoch {control.set_epoch}: {plain(control.reason)}{lifted}"
    )


def _call(call: "UnconfirmedCall") -> str:
    what = f"{plain(call.tool)} of {plain(call.agent)}, {call.status}"
    return f"{call.session_id}  {call.call_id}  {what}"


def _plain(value: object) -> Any:  # noqa: ANN401 -- JSON
    import msgspec

    return msgspec.to_builtins(value)
