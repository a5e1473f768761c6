"""`placet server-key`: the keys that the service signs with, next to its files and its database."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.output import data_dir_option, give, json_option, say
from placet.cli.words import plain
from placet.settings import Settings, load_settings

if TYPE_CHECKING:
    from placet.authority.model import ServerKey, ServerKeyEnd
    from placet.authority.recovery.watch import RecoveryWatch
    from placet.storage.database import Database

PURPOSES: Final = ("grant", "artifact", "checkpoint")
_END_ATTEMPTS: Final = 30
"""How often a key's end waits, a second each time, for people whose approval is being signed."""
_EXAMPLES: Final = """\b
Examples:
  placet server-key list
  placet server-key rotate artifact
  PLACET_CHECKPOINT_KEY_COMMAND="/usr/local/bin/sign v2" placet server-key rotate checkpoint
  placet server-key revoke 3f5c… --reason "the disk of a build machine was copied"
"""


@click.group(name="server-key", epilog=_EXAMPLES)
def command() -> None:
    """Show the keys that the service signs with, let another take over, or end one.

    There is one for grants, one for artifacts and one for checkpoints. That for grants is changed
    every day by the service itself; the others may be a command's. Run this where the data folder
    is, as the user that the service runs as.
    """


@command.command(name="list")
@data_dir_option
@json_option
def list_(*, data_dir: Path | None, as_json: bool) -> None:
    """List every key that ever signed for this service, or is about to, the oldest first."""
    import msgspec

    from placet.cli import database

    with database.held(load_settings({"data_dir": data_dir})) as (ready, _):
        keys, ends, coming = asyncio.run(_listed(ready))
    ended = {end.key_id: end for end in ends}
    told = [
        msgspec.to_builtins(key)
        | {
            "ended_at": ended[key.key_id].ended_at if key.key_id in ended else None,
            "signs_from": coming.get(key.key_id, key.created_at),
        }
        for key in keys
    ]
    lines = [_line(key, ended.get(key.key_id), coming.get(key.key_id)) for key in keys]
    give(told, "\n".join(lines) or "no key has signed yet", as_json=as_json)


@command.command()
@click.argument("purpose", type=click.Choice(PURPOSES))
@click.option(
    "--file", "in_file", is_flag=True, help="Make it a key in a file, also where a command is set."
)
@data_dir_option
@json_option
def rotate(*, purpose: str, in_file: bool, data_dir: Path | None, as_json: bool) -> None:
    """Let another key lie ready for PURPOSE. It is listed now, and takes over in an hour.

    It is that of the command in PLACET_ARTIFACT_KEY_COMMAND or PLACET_CHECKPOINT_KEY_COMMAND, where
    that is set, which has to give another key than before. Both keys sign that it takes over, so
    whoever pinned the old one follows with `placet keys follow`.
    """
    from placet.cli import database

    settings = load_settings({"data_dir": data_dir})
    with database.held(settings) as (ready, _):
        new, takes_over = asyncio.run(_rotate(ready, purpose, in_file=in_file))
    told = {"purpose": purpose, "key_id": new, "takes_over_at": takes_over}
    give(told, f"{new} is listed, and signs from {takes_over} on", as_json=as_json)


@command.command(epilog=_EXAMPLES)
@click.argument("key_id")
@click.option("--reason", required=True, help="Why; it stands in every tenant's evidence.")
@data_dir_option
@json_option
def revoke(*, key_id: str, reason: str, data_dir: Path | None, as_json: bool) -> None:
    """End the key KEY_ID now. There is no way back.

    The service signs with another from then on; what this one signed before counts where the log
    shows that it did. Where a tenant cannot be told, the others are all the same, and it ends with
    1; run it again then, and where it was broken off.
    """
    from placet.cli import database

    if not reason.strip() or "\x00" in reason:
        raise CommandRefused(detail="a key ends for a reason", remedy="say why with --reason")
    with database.held(load_settings({"data_dir": data_dir})) as (ready, _):
        if ready.admin_database_url is None:
            raise CommandRefused(
                detail="every tenant is told, and no address of a role that sees all is set",
                remedy="set PLACET_ADMIN_DATABASE_URL",
            )
        told, before, failed = asyncio.run(_revoke(ready, key_id, reason.strip()))
    text = f"{plain(key_id)} has ended; {told} tenants were told" + (
        f", {before} knew already" if before else ""
    )
    result = {"key_id": key_id, "told": told, "told_before": before, "not_told": failed}
    lines = [text, *(f"NOT told: {tenant}: {plain(why)}" for tenant, why in failed.items())]
    give(result, "\n".join(lines), as_json=as_json)
    if failed:
        raise CommandRefused(
            detail=f"{len(failed)} tenants were not told that the key has ended",
            remedy="run the same command again; whoever was told is not told twice",
            code=Exit.FAILED,
        )


async def _listed(
    ready: Settings,
) -> "tuple[list[ServerKey], list[ServerKeyEnd], dict[str, datetime]]":
    """Return every key, every end, and of keys that wait for their hour when they begin to sign."""
    from placet.authority import store
    from placet.authority.key_changes import store as changes
    from placet.authority.key_changes.rules import LEAD
    from placet.authority.server_keys import NOBODY
    from placet.storage.database import Database

    db = await Database.open(ready.database_url or "", pool_size=1)
    try:
        async with db.reading(NOBODY) as tx:
            now, ends = await tx.now(), await changes.list_ends(tx)
            # A key takes over at once from one that has ended.
            gone = {end.key_id for end in ends}
            waiting = {
                one.new_key_id
                for one in await changes.list_rotations(tx)
                if not gone & {one.old_key_id, one.new_key_id}
            }
            keys = await store.list_server_keys(tx)
            coming = {key.key_id: key.created_at + LEAD for key in keys if key.key_id in waiting}
            return keys, ends, {key_id: at for key_id, at in coming.items() if at > now}
    finally:
        await db.close()


async def _rotate(ready: Settings, purpose: str, *, in_file: bool) -> tuple[str, str]:
    from placet.authority.key_changes.rules import LEAD
    from placet.authority.key_slots import given_by
    from placet.authority.model import KeyPurpose
    from placet.authority.server_keys import ServerKeys
    from placet.storage.database import Database

    db = await Database.open(ready.database_url or "", pool_size=1)
    try:
        folder, given = ready.data_dir / "keys", given_by(ready.key_commands)
        keys = await ServerKeys.read(folder, db, given)
        listed = await keys.make_ready(db, KeyPurpose(purpose), in_file=in_file)
        return listed.key_id, (listed.created_at + LEAD).isoformat()
    finally:
        await db.close()


async def _revoke(ready: Settings, key_id: str, reason: str) -> tuple[int, int, dict[str, str]]:
    """End a key; return how many tenants were told, how many before, and why others were not."""
    from placet.authority.key_changes import service
    from placet.kernel.ids import SystemIds, TenantId
    from placet.storage.database import Database
    from placet.storage.tenants import list_tenants

    db = await Database.open(ready.database_url or "", pool_size=1)
    try:
        key, end = await _end(db, key_id, reason)
        say(f"{plain(key_id)} signs nothing more; the tenants are told")
        watch = await _looked(ready, db)
        told = before = 0
        failed: dict[str, str] = {}
        for tenant in await list_tenants(ready.admin_database_url or ""):
            try:
                watch.check_tenant(TenantId(tenant))
                is_new = await service.tell_tenant(db, TenantId(tenant), key, end, SystemIds())
            except Exception as fault:  # noqa: BLE001 -- what ails one keeps no other from being told
                failed[str(tenant)] = str(fault) or type(fault).__name__
            else:
                told, before = told + is_new, before + (not is_new)
        return told, before, failed
    finally:
        await db.close()


async def _looked(ready: Settings, db: "Database") -> "RecoveryWatch":
    """Return what the witness says. Refuses `recovering` where the database is older than it.

    A log that goes on there is another than the one that was witnessed.
    """
    from placet.authority.recovery.watch import RecoveryWatch

    watch = RecoveryWatch(ready.witness_dir)
    await watch.look(db)
    watch.check()
    return watch


async def _end(db: "Database", key_id: str, reason: str) -> "tuple[ServerKey, ServerKeyEnd]":
    """End a key, waiting for whoever signs with it at this moment."""
    from placet.authority.key_changes import service
    from placet.authority.server_keys import NOBODY
    from placet.kernel.refusals import RequestInProgress

    for left in reversed(range(_END_ATTEMPTS)):
        try:
            async with db.writing(NOBODY) as tx:
                return await service.end_key(tx, key_id, reason)
        except RequestInProgress:
            if not left:
                raise
    raise AssertionError


def _line(key: "ServerKey", end: "ServerKeyEnd | None", begin: datetime | None) -> str:
    begins = "" if begin is None else f", signs from {begin:%Y-%m-%d %H:%M} on"
    ended = "" if end is None else f"  ENDED {end.ended_at:%Y-%m-%d %H:%M}: {plain(end.reason)}"
    since = f"since {key.created_at:%Y-%m-%d %H:%M}"
    return f"{key.purpose.value:10}  {key.key_id}  {since}{begins}{ended}"
