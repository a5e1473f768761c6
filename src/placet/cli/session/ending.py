"""Commands that end a session, or take it from whoever holds it."""

from pathlib import Path
from uuid import UUID

import click

from placet.cli.output import give
from placet.cli.session.telling import of_session, reason_option
from placet.cli.words import plain


@click.command()
@of_session
@reason_option
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


@click.command()
@of_session
@reason_option
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


@click.command()
@of_session
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
