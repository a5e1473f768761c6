"""`placet session`: what agents have under way, and how an operator ends it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import as_text, plain

if TYPE_CHECKING:
    from placet.replay.export.model import EventView
    from placet.replay.pending.model import PendingCallView
    from placet.replay.sessions.model import SessionView
    from placet.sdk.studio.client import Studio

Command = TypeVar("Command", bound=Callable[..., Any])

_EXAMPLES: Final = """\b
Examples:
  placet session list
  placet session show 0199…
  placet session watch 0199…
  placet session kill 0199… --reason "it raves"
  placet session steal 0199… --reason "its worker hangs"
  placet session close 0199… --reason "the case is done"
"""
_BODY_SHOWN: Final = 160
_after = click.option(
    "--after", default=0, type=click.IntRange(min=0), help="Only events above this sequence."
)


@click.group(name="session", epilog=_EXAMPLES)
def command() -> None:
    """See the sessions of agents, follow one, stop it, or bring it to its end.

    Looking needs an API key in PLACET_API_KEY that may read, everything else one that may operate.
    """


def _of_session(function: Command) -> Command:
    for option in (json_option, data_dir_option, url_option):
        function = option(function)
    return click.argument("session", type=click.UUID)(function)


@command.command(name="list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@url_option
@data_dir_option
@json_option
def list_sessions(*, limit: int, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the sessions, the newest first."""
    import msgspec

    from placet.cli.desk import at_desk

    async def newest(studio: "Studio") -> "list[SessionView]":
        found: list[SessionView] = []
        async for one in studio.sessions.every():
            found.append(one)
            if len(found) == limit:
                break
        return found

    found = at_desk(url, data_dir, newest)
    lines = [_session_line(one) for one in found]
    give(msgspec.to_builtins(found), "\n".join(lines) or "no sessions", as_json=as_json)


@command.command()
@_of_session
def show(*, session: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print SESSION, and the calls in it that may still change."""
    import msgspec

    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.sessions.get(session))
    holder = "nobody" if found.holder is None else plain(found.holder)
    counts = f"{found.total_tool_calls} calls in {found.total_step_count} steps"
    versions = f"state {found.state_version}, control {found.control_revision}"
    fence = f"fence {found.fence.epoch}.{found.fence.n}"
    lines = [
        _session_line(found),
        f"phase {plain(found.current_phase or '-')}, {counts}, {versions}",
        f"lease of {holder}, {fence}, until {found.lease_expires_at or '-'}",
    ]
    if found.ended_at is not None:
        lines.append(f"ended {found.ended_at}: {plain(found.ended_why or '')}")
    lines += [_call_line(call) for call in found.pending or ()]
    give(msgspec.to_builtins(found), "\n".join(lines), as_json=as_json)


@command.command()
@_of_session
@_after
def events(
    *, session: UUID, after: int, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print what happened in SESSION."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[EventView]":
        return [one async for one in studio.sessions.events(session, after=after)]

    found = at_desk(url, data_dir, every)
    whole = msgspec.Raw(msgspec.json.encode(found))
    give(whole, "\n".join(_event_line(one) for one in found), as_json=as_json)


@command.command()
@_of_session
@_after
def watch(
    *, session: UUID, after: int, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print what happens in SESSION, as it happens, until it has ended. One line an event."""
    import msgspec

    from placet.cli.desk import at_desk

    async def told(studio: "Studio") -> None:
        async for one in studio.sessions.follow(session, after=after):
            whole = as_text(msgspec.Raw(msgspec.json.encode(one)))
            click.echo(whole if as_json else _event_line(one))

    at_desk(url, data_dir, told)


@command.command()
@_of_session
@click.option("--reason", required=True, help="Why, kept in the evidence.")
def kill(
    *, session: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Stop SESSION for ever: nothing more is granted or started in it."""
    import msgspec

    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda studio: studio.sessions.kill(session, reason))
    text = f"{session} is killed" + (", as it was before" if done.replayed else "")
    lines = [text, *(f"unconfirmed, it may still run: call {one}" for one in done.unconfirmed)]
    give(msgspec.to_builtins(done), "\n".join(lines), as_json=as_json)


@command.command()
@_of_session
@click.option("--reason", required=True, help="Why, kept in the evidence.")
@click.option("--holder", help="Who is to hold it.  [default: nobody who works]")
@click.option("--seconds", default=15, show_default=True, type=click.IntRange(1, 60))
def steal(  # noqa: PLR0913 -- one argument per option
    *,
    session: UUID,
    reason: str,
    holder: str | None,
    seconds: int,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Take the lease of SESSION from whoever has it; another may have it when it has run out."""
    import secrets

    import msgspec

    from placet.cli.desk import at_desk

    who = holder or f"operator-{secrets.token_hex(8)}"
    got = at_desk(
        url,
        data_dir,
        lambda studio: studio.sessions.steal(session, reason, holder=who, ttl_seconds=seconds),
    )
    text = (
        f"{plain(got.holder)} holds {session} under fence {got.fence.epoch}.{got.fence.n} "
        f"until {got.lease_expires_at}; whoever held it is overtaken"
    )
    give(msgspec.to_builtins(got), text, as_json=as_json)


@command.command()
@_of_session
@click.option("--reason", help="Why, kept in the evidence.")
def close(
    *, session: UUID, reason: str | None, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Let SESSION take no new calls, and end once nothing is left open in it."""
    import msgspec

    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda studio: studio.sessions.close(session, reason))
    lines = [f"{session} is {done.status}" + (", as it was before" if done.replayed else "")]
    lines += [f"cancelled: call {one}" for one in done.cancelled]
    lines += [f"still to be reported or settled: call {one}" for one in done.unsettled]
    give(msgspec.to_builtins(done), "\n".join(lines), as_json=as_json)


def _session_line(one: "SessionView") -> str:
    return (
        f"{one.session_id}  {one.status:11}  {one.mode:7}  {plain(one.agent)} in "
        f"{one.environment}, since {one.created_at}"
    )


def _call_line(call: "PendingCallView") -> str:
    why = ", ".join(reason.code for reason in call.reasons)
    until = call.grant_expires_at or call.deadline
    told = f"  call {call.call_id}  {call.status}, {call.execution_state}  {plain(call.tool)}"
    told += f", {len(call.receipts)} receipts, until {until or '-'}"
    return told + (f" ({plain(why)})" if why else "")


def _event_line(one: "EventView") -> str:
    body = bytes(one.body).decode()
    told = "(erased)" if body == "null" else plain(body)[:_BODY_SHOWN]
    return f"{one.seq:>6}  {one.at}  {one.type}  {told}"
