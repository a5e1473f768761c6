"""What every command on a session shares: its options, and how a session is told on a line."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.replay.export.model import EventView
    from placet.replay.pending.model import PendingCallView
    from placet.replay.sessions.model import SessionView

Command = TypeVar("Command", bound=Callable[..., Any])

BODY_SHOWN: Final = 160
reason_option = click.option("--reason", required=True, help="Why, kept in the evidence.")


def of_session(function: Command) -> Command:
    """Give a command the session that it is about, and the options that all of them share."""
    for option in (json_option, data_dir_option, url_option):
        function = option(function)
    return click.argument("session", type=click.UUID)(function)


def session_line(one: "SessionView") -> str:
    """Return one line about a session."""
    return (
        f"{one.session_id}  {one.status:11}  {one.mode:7}  {plain(one.agent)} in "
        f"{one.environment}, since {one.created_at}"
    )


def call_line(call: "PendingCallView") -> str:
    """Return one line about a call that may still change."""
    why = ", ".join(reason.code for reason in call.reasons)
    until = call.grant_expires_at or call.deadline
    told = f"  call {call.call_id}  {call.status}, {call.execution_state}  {plain(call.tool)}"
    told += f", {len(call.receipts)} receipts, until {until or '-'}"
    return told + (f" ({plain(why)})" if why else "")


def event_line(one: "EventView") -> str:
    """Return one line about an event."""
    body = bytes(one.body).decode()
    told = "(erased)" if body == "null" else plain(body)[:BODY_SHOWN]
    return f"{one.seq:>6}  {one.at}  {one.type}  {told}"
