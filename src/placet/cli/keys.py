"""`placet keys`: which keys this person trusts, whatever a service says."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option, say
from placet.cli.pins import pins_option

if TYPE_CHECKING:
    from placet.authority.model import KeyList
    from placet.authority.tool_hosts.model import ToolHostView
    from placet.evidence.bundle import NamedKey
    from placet.sdk.studio.client import Studio

_EXAMPLES: Final = """\b
Examples:
  placet keys pin
  placet keys pin --keys pinned-keys.json
  placet keys pin --only 3f5c… --only 9a01…
  placet keys follow --drop-ended
  placet keys show --json
  placet keys unpin 3f5c…
"""


@click.group(name="keys", epilog=_EXAMPLES)
def command() -> None:
    """Pin the keys whose signatures you trust, and show them.

    A service lists its own keys, people's, and those of tools' hosts. A stolen or lying one may
    list others, so compare each key id with its holder by another way before you pin it: in person,
    on the phone. What `placet approve` and `placet verify --keys` trust is this file alone.
    """


@command.command()
@click.option("--only", multiple=True, metavar="KEY_ID", help="Pin this one; repeatable.")
@click.option("--yes", is_flag=True, help="Do not ask: they were compared.")
@pins_option
@url_option
@data_dir_option
@json_option
def pin(  # noqa: PLR0913 -- one argument per option
    *,
    only: tuple[str, ...],
    yes: bool,
    pins: Path | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show the keys that the service lists and that are not pinned, ask, and pin them.

    A key is never taken out by this, and never changes what it is for or whose it is. One that was
    revoked is marked: it is needed only to prove what its holder signed before.
    """
    from placet.cli.pins import find_pins, pins_file, write_pins

    file = pins_file(pins)
    pinned = find_pins(file)
    listed, ended = _listed(url, data_dir)
    new = _chosen(_unpinned(listed, pinned.keys), only)
    for key in new:
        line = f"new  {_line(key)}{'  ENDED: revoked' if key.key_id in ended else ''}"
        if yes:
            say(line)
        else:
            click.echo(line, err=True)
    if new:
        if not yes:
            click.confirm("Did you compare these ids with their holders?", abort=True, err=True)
        write_pins(file, (*pinned.keys, *new), pinned.version + 1)
    told = {
        "file": str(file),
        "version": pinned.version + bool(new),
        "added": [key.key_id for key in new],
        "pinned": len(pinned.keys) + len(new),
    }
    give(
        told, f"{told['pinned']} keys are pinned in {file}, {len(new)} of them new", as_json=as_json
    )


@command.command()
@click.argument("key_id")
@pins_option
@json_option
def unpin(*, key_id: str, pins: Path | None, as_json: bool) -> None:
    """Trust the key KEY_ID no more. What it signed proves nothing here from then on."""
    from placet.cli.pins import pins_file, read_pins, write_pins

    file = pins_file(pins)
    pinned = read_pins(file)
    kept = tuple(key for key in pinned.keys if key.key_id != key_id)
    if len(kept) == len(pinned.keys):
        raise CommandRefused(
            detail=f"no key {key_id} is pinned",
            remedy="give the whole id, as `placet keys show` lists it",
            code=Exit.NOT_FOUND,
        )
    write_pins(file, kept, pinned.version + 1)
    told = {"file": str(file), "version": pinned.version + 1, "removed": key_id}
    give(told | {"pinned": len(kept)}, f"{len(kept)} keys are pinned in {file}", as_json=as_json)


@command.command()
@click.option(
    "--drop-ended", is_flag=True, help="Trust keys of the service no more that it says have ended."
)
@pins_option
@url_option
@data_dir_option
@json_option
def follow(
    *, drop_ended: bool, pins: Path | None, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Pin each key of the service for which a key that is pinned already vouches.

    A key that takes over is signed for by the one before it and by itself, so nobody has to compare
    anything. Run it every half hour where grants are checked offline: the service changes the key
    for grants every day, and lists the next one an hour before it signs. The file counts as made
    sure of, whether anything changed or not. With --drop-ended, which
    is for such a host, keys that have ended go; whoever checks old evidence keeps them.
    """
    from placet.cli.desk import at_desk
    from placet.cli.pins import pins_file, read_pins, write_pins

    file = pins_file(pins)
    pinned = read_pins(file)
    known = at_desk(url, data_dir, lambda studio: studio.keys.known())
    ended = {end.key_id for end in known.server_ends}
    followed = _vouched_for(pinned.keys, known, ended)
    added = [key for key, _ in followed]
    for key, begin in followed:
        say(f"new  {_line(key)}  signs from {begin:%Y-%m-%d %H:%M} on")
    dropped = {key.key_id for key in pinned.keys if key.key_id in ended} if drop_ended else set()
    kept = tuple(key for key in (*pinned.keys, *added) if key.key_id not in dropped)
    changed = bool(added or dropped)
    # Written also where nothing changed: the file's age says when its keys were last made sure of.
    write_pins(file, kept, pinned.version + changed)
    told = {
        "file": str(file),
        "version": pinned.version + changed,
        "added": [key.key_id for key in added],
        "signs_from": {key.key_id: begin.isoformat() for key, begin in followed},
        "dropped": sorted(dropped),
        "pinned": len(kept),
    }
    text = (
        f"{len(kept)} keys are pinned in {file}, {len(added)} of them new, {len(dropped)} dropped"
    )
    give(told, text, as_json=as_json)


@command.command()
@pins_option
@json_option
def show(*, pins: Path | None, as_json: bool) -> None:
    """List the pinned keys: what each is for, its id, and whose it is."""
    import msgspec

    from placet.cli.pins import pins_file, read_pins

    known = read_pins(pins_file(pins))
    give(msgspec.to_builtins(known), "\n".join(map(_line, known.keys)), as_json=as_json)


def _listed(url: str | None, data_dir: Path | None) -> "tuple[list[NamedKey], set[str]]":
    """Return the keys that the service lists, each id once, and the ids of those that ended."""
    from placet.cli.desk import at_desk
    from placet.evidence.bundle import KeyPurpose, NamedKey
    from placet.studio.dossiers.rules import named_keys

    known, hosts = at_desk(url, data_dir, _known)
    try:
        listed = named_keys(known) + [
            NamedKey(key_id=host.key_id, public_key=host.public_key, purpose=KeyPurpose.TOOL_HOST)
            for host in hosts
        ]
    except ValueError as fault:
        raise CommandRefused(
            detail=f"the service lists a key that is none: {fault}",
            remedy="pin nothing; tell whoever runs the service",
            code=Exit.FAILED,
        ) from fault
    ids = [key.key_id for key in listed]
    if twice := next((one for one in ids if ids.count(one) > 1), None):
        raise CommandRefused(
            detail=f"the service lists two keys by the one id {twice}",
            remedy="pin nothing; tell whoever runs the service",
            code=Exit.FAILED,
        )
    ended = {ending.key_id for ending in known.revocations}
    ended |= {ending.key_id for ending in known.server_ends}
    return listed, ended | {host.key_id for host in hosts if host.revoked_at is not None}


async def _known(studio: "Studio") -> "tuple[KeyList, list[ToolHostView]]":
    """Return what the service lists; of the hosts of tools nothing, if this key may not ask."""
    from placet.kernel.refusals import ScopeMissing

    try:
        hosts = [host async for host in studio.tool_hosts.every()]
    except ScopeMissing:
        hosts = []
    return await studio.keys.known(), hosts


def _vouched_for(
    pinned: "Sequence[NamedKey]", known: "KeyList", ended: set[str]
) -> "list[tuple[NamedKey, datetime]]":
    """Return the keys that follow from pinned ones, step by step, and from when each signs.

    A key that has ended vouches for none, and none is taken that has ended.

    Raises `CommandRefused` for a rotation by a pinned key that is not what both keys signed.
    """
    from placet.evidence.bundle import NamedKey
    from placet.evidence.dsse import EnvelopeRefused, parse_envelope
    from placet.evidence.key_rotation import verify_rotation

    trusted = {key.key_id: key for key in pinned}
    added: list[tuple[NamedKey, datetime]] = []
    for rotation in known.server_rotations:
        old = trusted.get(rotation.old_key_id)
        if old is None or old.key_id in ended or rotation.new_key_id in trusted:
            continue
        try:
            envelopes = parse_envelope(rotation.by_old), parse_envelope(rotation.by_new)
            told = verify_rotation(envelopes, old.checked())
        except EnvelopeRefused as fault:
            raise CommandRefused(
                detail=f"the change of {old.key_id} that the service tells of is none: "
                f"{fault.detail}",
                remedy="pin nothing; tell whoever runs the service",
                code=Exit.FAILED,
            ) from fault
        if told.purpose is not old.purpose or told.new_key_id in ended:
            continue
        new = NamedKey(key_id=told.new_key_id, public_key=told.new_public_key, purpose=told.purpose)
        trusted[new.key_id] = new
        added.append((new, told.overlap_until))
    return added


def _unpinned(listed: "Sequence[NamedKey]", pinned: "Sequence[NamedKey]") -> "list[NamedKey]":
    """Return what is listed and not pinned. Refuses a key that is listed as another than pinned."""
    known = {key.key_id: key for key in pinned}
    for key in listed:
        if known.get(key.key_id, key) != key:
            raise CommandRefused(
                detail=f"the service lists the pinned key {key.key_id} as another: {_line(key)}",
                remedy="pin nothing; ask its holder, and whoever runs the service",
                code=Exit.FAILED,
            )
    return [key for key in listed if key.key_id not in known]


def _chosen(new: "list[NamedKey]", only: tuple[str, ...]) -> "list[NamedKey]":
    if not only:
        return new
    found = {key.key_id: key for key in new}
    if missing := [key_id for key_id in only if key_id not in found]:
        raise CommandRefused(
            detail=f"the service lists no unpinned key {missing[0]}",
            remedy="give the whole id, as its holder told it",
            code=Exit.NOT_FOUND,
        )
    return [found[key_id] for key_id in only]


def _line(key: "NamedKey") -> str:
    whose = f"  of {key.actor_id}" if key.actor_id else ""
    return f"{key.purpose.value:10}  {key.key_id}{whose}"
