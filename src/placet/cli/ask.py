"""`placet ask`: looking at calls that wait for people, and answering with a signed vote."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.evidence.ask_vote import AskDecision
    from placet.replay.asks.model import EditedFrom
    from placet.sdk.studio.client import Studio
    from placet.studio.asks.model import AskShown, AskVoteAnswer

_EXAMPLES: Final = """\b
Examples:
  placet asks                                          what waits
  placet ask show 0199…                                who wants what, with which arguments
  placet ask approve 0199… --key ada.key               say yes; the agent then claims the call
  placet ask approve 0199… 0199… --key ada.key         calls of one step, with one signature
  placet ask edit 0199… --arguments '{"cents": 300}' --reason "half is enough" --key ada.key
  placet ask reject 0199… --reason "wrong account" --key ada.key
"""
_calls = click.argument("calls", nargs=-1, required=True, type=click.UUID)
_key = click.option(
    "--key",
    "key_file",
    envvar="PLACET_PERSON_KEY",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of your own key.  [env: PLACET_PERSON_KEY]",
)
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(name="ask", epilog=_EXAMPLES)
def command() -> None:
    """Answer calls of agents that wait for people. Votes are signed on this machine.

    A yes grants nothing: the agent claims the call, and all rules are looked at again. Needs your
    own API key in PLACET_API_KEY.
    """


@command.command()
@click.argument("call", type=click.UUID)
@url_option
@data_dir_option
@json_option
def show(*, call: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print what waits in CALL: the tool, its arguments, who must say yes, and until when."""
    import msgspec

    from placet.cli.desk import at_desk

    (found,) = at_desk(url, data_dir, lambda studio: _find(studio, [call]))
    give(msgspec.to_builtins(found), _told(found), as_json=as_json)


@command.command()
@_calls
@click.option("--reason", help="Why; some contracts ask for it.")
@_key
@_yes
@url_option
@data_dir_option
@json_option
def approve(  # noqa: PLR0913 -- one argument per option
    *,
    calls: tuple[UUID, ...],
    reason: str | None,
    key_file: Path,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show CALLS, all of one step, and sign that they may run."""
    from placet.evidence.ask_vote import AskDecision

    said = (AskDecision.APPROVE, reason)
    _answer(calls, said, key_file, yes=yes, where=(url, data_dir), as_json=as_json)


@command.command()
@_calls
@click.option("--reason", required=True, help="Why; the agent's model is told it.")
@_key
@_yes
@url_option
@data_dir_option
@json_option
def reject(  # noqa: PLR0913 -- one argument per option
    *,
    calls: tuple[UUID, ...],
    reason: str,
    key_file: Path,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show CALLS, all of one step, and sign that they must not run. One such word is enough."""
    from placet.evidence.ask_vote import AskDecision

    said = (AskDecision.REJECT, reason)
    _answer(calls, said, key_file, yes=yes, where=(url, data_dir), as_json=as_json)


@command.command()
@click.argument("call", type=click.UUID)
@click.option("--arguments", required=True, help="The whole arguments as JSON, or @FILE.")
@click.option("--reason", required=True, help="Why; whoever votes on the new call reads it.")
@click.option(
    "--key",
    "key_file",
    envvar="PLACET_PERSON_KEY",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of your own key: sign your yes to the new call at once.  [env: PLACET_PERSON_KEY]",
)
@_yes
@url_option
@data_dir_option
@json_option
def edit(  # noqa: PLR0913 -- one argument per option
    *,
    call: UUID,
    arguments: str,
    reason: str,
    key_file: Path | None,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Put a call with other arguments in the place of CALL, to be asked about anew.

    Write "[redacted]" where CALL shows it, to keep the value that you are not shown.
    """
    import msgspec

    from placet.cli.desk import at_desk
    from placet.evidence.ask_vote import AskDecision

    text = _arguments(arguments)
    (old,) = at_desk(url, data_dir, lambda studio: _find(studio, [call]))
    if not as_json:
        click.echo(_told(old))
    if not yes:
        click.confirm("Put other arguments in its place?", abort=True, err=True)
    new = at_desk(url, data_dir, lambda studio: studio.asks.edit(old, text, reason=reason))
    if key_file is None:
        give(msgspec.to_builtins(new), _told(new), as_json=as_json)
        return
    said = (AskDecision.APPROVE, reason)
    _answer([new.call_id], said, key_file, yes=yes, where=(url, data_dir), as_json=as_json)


def _arguments(given: str) -> str:
    """Return the arguments, from a file where `@` names one."""
    from placet.cli.exits import CommandRefused, Exit

    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is no text"
        raise CommandRefused(
            detail=f"`{given[1:]}` cannot be read: {why}",
            remedy="name a file that holds the arguments as JSON",
            code=Exit.NOT_FOUND,
        ) from fault


def _answer(  # noqa: PLR0913 -- what the two commands share, each by its name
    calls: Sequence[UUID],
    said: "tuple[AskDecision, str | None]",
    key_file: Path,
    *,
    yes: bool,
    where: tuple[str | None, Path | None],
    as_json: bool,
) -> None:
    import msgspec

    from placet.cli.desk import at_desk
    from placet.cli.key_file import load_key

    decision, reason = said
    shown = at_desk(*where, lambda studio: _find(studio, calls))
    told = "\n\n".join(_told(one) for one in shown)
    if not as_json:
        click.echo(told)
    if not yes:
        click.confirm(f"Sign `{decision}`?", abort=True, err=True)
    key = load_key(key_file)
    done = at_desk(*where, lambda studio: studio.asks.vote(shown, decision, key, reason=reason))
    give(msgspec.to_builtins(done), _came_to(done), as_json=as_json)


async def _find(studio: "Studio", calls: Sequence[UUID]) -> "list[AskShown]":
    from placet.cli.exits import CommandRefused, Exit

    found = [await studio.asks.find(call) for call in calls]
    shown = [one for one in found if one is not None]
    if len(shown) < len(calls):
        gone = ", ".join(str(c) for c, one in zip(calls, found, strict=True) if one is None)
        raise CommandRefused(
            detail=f"no call with this id waits for anybody: {gone}",
            remedy="list what waits with `placet asks`",
            code=Exit.NOT_FOUND,
        )
    return shown


def _told(one: "AskShown") -> str:
    from placet.cli.exits import CommandRefused, Exit
    from placet.sdk.studio.asks import AskUnfaithful, read_view

    try:
        view = read_view(one)
    except AskUnfaithful as fault:
        raise CommandRefused(
            detail=f"the service shows {one.call_id} in two ways: {fault}",
            remedy="trust it with nothing until you know why",
            code=Exit.FAILED,
        ) from fault
    lines = [
        f"call       {one.call_id}  (step {view.step} of session {one.session_id})",
        f"agent      {plain(view.agent)} in {view.environment}",
        f"tool       {plain(view.tool)}" + (f"  ({view.side_effect})" if view.side_effect else ""),
        f"arguments  {plain(view.arguments)}",
        *([] if view.edited is None else [_edited(view.edited)]),
        *(f"redacted   {plain(gone.pointer)}  {gone.hash}" for gone in view.redacted),
        *(f"beside     {plain(other.tool)}  ({other.verdict})" for other in view.beside),
        "asked of   " + ", ".join(f"{each.count} {plain(each.role)}" for each in view.all_of),
        "so far     "
        + ", ".join(f"{role.approvals}/{role.count} {plain(role.role)}" for role in one.tally),
        f"until      {view.deadline}",
    ]
    return "\n".join(lines)


def _edited(edited: "EditedFrom") -> str:
    return f"edited     in the place of {edited.call_id}: {plain(edited.reason)}"


def _came_to(done: "AskVoteAnswer") -> str:
    return "\n".join(
        f"{call.call_id}  {call.status}  "
        + ", ".join(f"{role.approvals}/{role.count} {plain(role.role)}" for role in call.tally)
        for call in done.calls
    )
