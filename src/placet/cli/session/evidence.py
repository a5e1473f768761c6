"""Commands about what is kept of a session: its evidence, its check, its snapshots."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.desk import output_option
from placet.cli.exits import CommandRefused, Exit
from placet.cli.output import give, say
from placet.cli.session.telling import of_session
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.replay.snapshots.model import HistoryFlaw, SessionChecked, SnapshotView
    from placet.sdk.studio.client import Studio


@click.command()
@of_session
@output_option
def export(
    *, session: UUID, file: Path, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Write the evidence of SESSION to a file, for `placet verify` to check.

    What is written is looked at once, with the keys that it brings; a flaw is told, and the file
    stays. Whoever pinned the keys checks it again with them.
    """
    import io

    from placet.cli.desk import at_desk, write_file
    from placet.evidence.verify import verify_bundle

    data = at_desk(url, data_dir, lambda studio: studio.sessions.bundle(session))
    write_file(file, data)
    report = verify_bundle(io.BytesIO(data))
    if report.flaw is not None:
        raise CommandRefused(
            detail=f"{file} is written, and line {report.flaw.line} is bad: {report.flaw.why}",
            remedy="keep the file, and trust it with nothing until you know why",
            code=Exit.FAILED,
        )
    told = {"file": str(file), "bytes": len(data), "events": report.events}
    give(told, f"{len(data):,} bytes, {report.events} events, in {file}", as_json=as_json)


@click.command()
@of_session
@click.option("--whole", is_flag=True, help="From the first event, and the snapshots too.")
def check(
    *, session: UUID, whole: bool, url: str | None, data_dir: Path | None, as_json: bool
) -> int:
    """Hold the state of SESSION to its events, from the latest sound snapshot on.

    Ends with 1 where they differ, or where events or snapshots are not what they should be. Where
    bodies were erased, as events tell, the state cannot be told, and that is no fault. Needs a key
    that may operate or audit.
    """
    import msgspec

    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.sessions.check(session, whole=whole))
    give(msgspec.to_builtins(found), _checked(found), as_json=as_json)
    is_good = found.sound or _is_erased(found)
    return Exit.OK if is_good and not found.wrong_snapshots else Exit.FAILED


@click.command()
@of_session
@click.option("--take", "is_taking", is_flag=True, help="Take one now.")
@click.option("--at", "seq", type=click.IntRange(min=1), help="With --take: up to this event.")
def snapshots(  # noqa: PLR0913 -- one argument per option
    *,
    session: UUID,
    is_taking: bool,
    seq: int | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """List what is kept of SESSION to make its check short, the latest first.

    Nothing is decided on a snapshot, and all may go at any time. Taking one needs a key that may
    operate.
    """
    import msgspec

    from placet.cli.desk import at_desk

    if seq is not None and not is_taking:
        raise CommandRefused(detail="--at goes with --take", remedy="give both, or neither")

    async def done(studio: "Studio") -> "list[SnapshotView]":
        if is_taking:
            made = await studio.sessions.take_snapshot(session, seq)
            say(f"a snapshot stands at event {made.seq}")
        return [one async for one in studio.sessions.snapshots(session)]

    found = at_desk(url, data_dir, done)
    lines = [
        f"{one.seq:>6}  {one.taken_at}  {'sound' if one.sound else 'NOT SOUND'}" for one in found
    ]
    give(msgspec.to_builtins(found), "\n".join(lines) or "no snapshots", as_json=as_json)


def _checked(found: "SessionChecked") -> str:
    if _is_erased(found):
        lines = [
            f"cannot be told: bodies were erased, that of event {found.flawed_seq} first",
            "  events tell of each that is missing, and the chain holds to its end",
        ]
        return "\n".join([*lines, *_wrong(found)])
    begun = f"the snapshot at event {found.since}" if found.since else "the first event"
    lines = [f"{'sound' if found.sound else 'NOT SOUND'}: folded from {begun} to {found.seq}"]
    lines += [f"  the state differs in: {plain(name)}" for name in found.differs]
    if found.flaw is not None:
        lines.append(f"  {_flaw(found.flawed_seq, found.flaw)}")
    return "\n".join([*lines, *_wrong(found)])


def _is_erased(found: "SessionChecked") -> bool:
    """Tell whether nothing is in the way but what was rightly erased."""
    return found.flaw is not None and found.flaw.value == "erased" and not found.differs


def _flaw(seq: int | None, flaw: "HistoryFlaw") -> str:
    if flaw.value == "untold":
        return f"the body of event {seq} is not there, and nothing tells that it was erased"
    return f"event {seq} is {flaw.value}, and nothing after it was folded"


def _wrong(found: "SessionChecked") -> list[str]:
    return [f"  wrong, and not used: the snapshot at {seq}" for seq in found.wrong_snapshots]
