"""Commands that look at sessions and change nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option, say
from placet.cli.session.telling import call_line, event_line, of_session, session_line
from placet.cli.words import as_text, plain

if TYPE_CHECKING:
    from placet.replay.export.model import EventView
    from placet.replay.sessions.model import SessionView
    from placet.sdk.studio.client import Studio

_after = click.option(
    "--after", default=0, type=click.IntRange(min=0), help="Only events above this sequence."
)


@click.command(name="list")
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
    lines = [session_line(one) for one in found]
    give(msgspec.to_builtins(found), "\n".join(lines) or "no sessions", as_json=as_json)


@click.command()
@of_session
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
        session_line(found),
        f"phase {plain(found.current_phase or '-')}, {counts}, {versions}",
        f"lease of {holder}, {fence}, until {found.lease_expires_at or '-'}",
    ]
    if found.ended_at is not None:
        lines.append(f"ended {found.ended_at}: {plain(found.ended_why or '')}")
    lines += [call_line(call) for call in found.pending or ()]
    give(msgspec.to_builtins(found), "\n".join(lines), as_json=as_json)


@click.command()
@of_session
@_after
@click.option(
    "--limit", default=200, show_default=True, type=click.IntRange(1, 10_000), help="So many."
)
@click.option(
    "--all", "is_all", is_flag=True, help="All of them; with --json one JSON value a line."
)
def events(  # noqa: PLR0913 -- one argument per option
    *,
    session: UUID,
    after: int,
    limit: int,
    is_all: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Print what happened in SESSION, in order.

    It ends with 1 where an event is missing or is not chained to the one before it. To go on where
    another export ended, give its last sequence number as --after.
    """
    import msgspec

    from placet.cli.desk import at_desk
    from placet.cli.session.order import in_order

    if is_all:
        at_desk(
            url,
            data_dir,
            lambda studio: _tell(
                in_order(studio.sessions.events(session, after=after), after), as_json=as_json
            ),
        )
        return

    async def some(studio: "Studio") -> "list[EventView]":
        found: list[EventView] = []
        async for one in in_order(studio.sessions.events(session, after=after), after):
            found.append(one)
            if len(found) > limit:
                break
        return found

    found = at_desk(url, data_dir, some)
    shown = found[:limit]
    whole = msgspec.Raw(msgspec.json.encode(shown))
    give(whole, "\n".join(event_line(one) for one in shown), as_json=as_json)
    if len(found) > limit:
        say(f"there are more; go on with --after {shown[-1].seq}, or give --all")


@click.command()
@of_session
@_after
def watch(
    *, session: UUID, after: int, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print what happens in SESSION, as it happens, until it has ended. One line an event."""
    from placet.cli.desk import at_desk
    from placet.cli.session.order import in_order

    at_desk(
        url,
        data_dir,
        lambda studio: _tell(
            in_order(studio.sessions.follow(session, after=after), after), as_json=as_json
        ),
    )


async def _tell(events: "AsyncIterator[EventView]", *, as_json: bool) -> None:
    import msgspec

    async for one in events:
        whole = as_text(msgspec.Raw(msgspec.json.encode(one)))
        click.echo(whole if as_json else event_line(one))
