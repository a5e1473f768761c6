"""`placet restore`: take a restored database into use, and close what was lost."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.exits import CommandRefused
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placet.authority.recovery.model import LostEnd
    from placet.kernel.ids import TenantId
    from placet.replay.restores.model import RestoreReport, TenantRestored
    from placet.replay.restores.outside import Outside

_EXAMPLES: Final = """\b
Examples:
  placet restore --verify --witness /mnt/elsewhere/placet
  placet restore --verify --no-witness --controls kills.jsonl --json
  placet restore close --epoch 1800000000 --reason "read the orphans, asked the payment provider"
"""


@click.group(name="restore", epilog=_EXAMPLES, invoke_without_command=True)
@click.option("--verify", "is_asked", is_flag=True, help="Verify, then raise the epoch.")
@click.option(
    "--witness",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of checkpoints that were kept outside.  [env: PLACET_WITNESS_DIR]",
)
@click.option(
    "--no-witness",
    "has_none",
    is_flag=True,
    help="No checkpoints were kept outside: take an older copy for the whole.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Raise it although this server is in use: void every lease and grant once more.",
)
@click.option(
    "--controls",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Lines of an export whose kills and ends of authority are put in force again.",
)
@data_dir_option
@json_option
@click.pass_context
def command(  # noqa: PLR0913 -- one argument per option
    ctx: click.Context,
    *,
    is_asked: bool,
    witness: Path | None,
    has_none: bool,
    again: bool,
    controls: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Take a restored or failed-over database into use.

    With --verify: compute every tenant's chains and log anew and hold them against the checkpoints
    that were kept outside; then raise the restore epoch, which voids every lease, prepared request
    and grant of before, make every call that was granted unknown, and leave each tenant with a lost
    range that an operator closes. Until then nothing is granted; afterwards writes ask, and what
    pays, destroys or administers is denied. Where something does not fit, nothing is changed.

    Needs the address of the migrator's role in PLACET_ADMIN_DATABASE_URL, unless the embedded
    Postgres is used. Stop the service first if you can; it need not be.
    """
    if ctx.invoked_subcommand is not None:
        return
    if not is_asked:
        raise CommandRefused(
            detail="taking a database into use begins with looking at it",
            remedy="run `placet restore --verify`, or `placet restore close` afterwards",
        )
    import msgspec

    from placet.cli import database

    given = {"data_dir": data_dir, "witness_dir": witness}
    settings = load_settings(given)
    _check_witness(settings, is_named=witness is not None, has_none=has_none)
    outside = {} if controls is None else _read_controls(controls)
    with database.held(settings) as (ready, _):
        report = asyncio.run(_restore(ready, outside, again=again))
    give(msgspec.to_builtins(report), "\n".join(_lines(report, is_again=again)), as_json=as_json)


@command.command()
@click.option(
    "--epoch",
    required=True,
    type=click.IntRange(2),
    help="The latest epoch that you looked at, as `placet restore --verify` printed it.",
)
@click.option("--reason", required=True, help="Why; it stands in the evidence.")
@click.option(
    "--repeated",
    is_flag=True,
    help="Every end of authority that the restore names for people was repeated.",
)
@url_option
@data_dir_option
@json_option
def close(  # noqa: PLR0913 -- one argument per option
    *,
    epoch: int,
    reason: str,
    repeated: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Close what a restore left open in your tenant: grants are as wide as before from then on.

    What a later restore than that of --epoch left stays open. It is refused where a restore broke
    off, and where people have ends of authority to repeat; both are named.

    Look at `placet orphans` first, and settle the calls that are unknown. Needs an operator's API
    key in PLACET_API_KEY.
    """
    import msgspec

    from placet.cli.desk import at_desk

    made = at_desk(
        url,
        data_dir,
        lambda studio: studio.recovery.close(epoch=epoch, reason=reason, is_repeated=repeated),
    )
    open_ones = [one for one in made.items if one.closed_at is None]
    text = "still open" if open_ones else f"closed: epoch {made.items[0].epoch} grants as before"
    give(msgspec.to_builtins(made), text, as_json=as_json)


def _check_witness(settings: Settings, *, is_named: bool, has_none: bool) -> None:
    """Refuse where it was not said, or said twice over, whether checkpoints were kept outside."""
    folder = settings.witness_dir
    if folder is None and not has_none:
        raise CommandRefused(
            detail="whether checkpoints were kept outside has to be said, one way or the other",
            remedy="give --witness, or --no-witness where nobody can tell how much is lost",
        )
    if folder is not None and has_none:
        by = "--witness" if is_named else "PLACET_WITNESS_DIR, or the file of settings,"
        raise CommandRefused(
            detail=f"--no-witness says that no checkpoints were kept outside, and {by} names"
            f" `{folder}`",
            remedy="leave out --no-witness and hold the database against that folder, or take its"
            " name away where it is of no use",
        )
    if folder is not None and not folder.is_dir():
        raise CommandRefused(
            detail=f"the witness's folder `{folder}` is not there",
            remedy="mount it or put it back, or name another with --witness; nothing was changed",
        )


def _read_controls(file: Path) -> "Mapping[TenantId, Outside]":
    from placet.kernel.refusals import MalformedBody
    from placet.replay.restores.outside import read_outside

    try:
        with file.open("rb") as lines:
            return read_outside(lines)
    except MalformedBody as fault:
        raise CommandRefused(
            detail=f"{fault.detail} (`{file}`)",
            remedy="give a file that `placet bundle export` wrote as it is, or lines of one with"
            " all that they hold; nothing was changed",
        ) from fault


async def _restore(
    settings: Settings, outside: "Mapping[TenantId, Outside]", *, again: bool
) -> "RestoreReport":
    from placet.authority.key_slots import given_by
    from placet.authority.server_keys import ServerKeys
    from placet.kernel.ids import SystemIds
    from placet.replay.restores.procedure import restore
    from placet.storage.database import Database
    from placet.storage.roles import connected

    if settings.admin_database_url is None:
        raise CommandRefused(
            detail="only the migrator's role may raise the epoch, and its address is not set",
            remedy="set PLACET_ADMIN_DATABASE_URL to the address that `placet db init` printed",
        )
    db = await Database.open(settings.database_url or "", pool_size=2)
    try:
        keys = settings.data_dir / "keys"
        if await asyncio.to_thread(keys.is_dir):
            # A key that was made after the restore point signs checkpoints too.
            await ServerKeys.load(keys, db, given_by(settings.key_commands))
        async with connected(settings.admin_database_url) as migrator:
            return await restore(
                db, migrator, settings.witness_dir, outside, SystemIds(), again=again
            )
    finally:
        await db.close()


def _lines(report: "RestoreReport", *, is_again: bool) -> list[str]:
    what = "raised" if report.is_raised else "was raised before"
    lines = [f"epoch {report.epoch} {what}; it was {report.from_epoch}"]
    if is_again and not report.is_raised:
        lines.append(
            "it went on with that restore, which had broken off, and voided nothing given since;"
            " run it with --again once more to void that too"
        )
    lines += [_line(one) for one in report.tenants]
    lines += [f"tenant {one} stands in the witness and not here" for one in report.lost_tenants]
    if report.keys_ended:
        lines.append(
            f"{report.keys_ended} of the service's keys have ended, and every tenant knows"
        )
    if report.keys_unknown:
        lines.append(
            f"{report.keys_unknown} keys of the service that had ended are not listed here"
        )
    lines.append(
        "writes ask and graver tools are denied until"
        f" `placet restore close --epoch {report.epoch}`"
    )
    return lines


def _named(end: "LostEnd") -> str:
    return f"{end.type} of {end.target}"


def _line(one: "TenantRestored") -> str:
    looked = one.looked
    proved = "no checkpoint kept outside to hold it against"
    if looked.proved_size is not None:
        proved = f"proved up to entry {looked.proved_size}"
    lost = ""
    if looked.witnessed_size is not None and looked.witnessed_size > looked.log_size:
        lost = f", {looked.witnessed_size - looked.log_size} entries lost"
    more = [f", {one.sessions_stopped} sessions stopped again"] if one.sessions_stopped else []
    if one.sessions_gone:
        more.append(f", {one.sessions_gone} stopped sessions are not here")
    more += [f", {n} {name} in force" for name, n in sorted(one.ends.items())]
    more += [f"\n  not here, so that it counts nowhere: {_named(end)}" for end in one.ends_gone]
    more += [f"\n  for people to repeat: {_named(end)}" for end in one.lost_ends]
    return (
        f"tenant {looked.tenant_id}: {looked.events} events in {looked.streams} streams are whole, "
        f"log of {looked.log_size}, {proved}{lost}; {one.sessions} sessions brought along, "
        f"{one.calls_unknown} calls unknown, {one.controls_set} controls set again" + "".join(more)
    )
