"""The file in which somebody keeps checkpoints of a log: what follows comes in, nothing else."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from placet.authority.checkpoints.model import CheckpointView, Kept
from placet.authority.checkpoints.witness import (
    WitnessUnreadable,
    envelope_at,
    keep_at,
    newest_at,
    told_by,
)
from placet.cli.desk import at_desk, write_file
from placet.cli.exits import CommandRefused, Exit
from placet.cli.pins import pins_file, read_pins
from placet.evidence.bundle import KeyPurpose
from placet.evidence.checkpoint import verify_checkpoint
from placet.evidence.dsse import EnvelopeRefused, parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.evidence.merkle import is_consistent
from placet.kernel.refusals import Invalid
from placet.sdk.studio.client import Studio

_LINE_BEGIN: Final = b'{"envelope"'
_ENVELOPE_MAX: Final = 65_536
"""Bytes that the file of one checkpoint stays far below."""


def pinned_keys(pins: Path | None) -> list[PublicKey]:
    """Return the pinned keys for checkpoints. Raises `CommandRefused` where there are none."""
    file = pins_file(pins)
    known = read_pins(file).keys
    keys = [key.checked() for key in known if key.purpose is KeyPurpose.CHECKPOINT]
    if not keys:
        raise CommandRefused(
            detail=f"no key for checkpoints is pinned in {file}",
            remedy="pin it with `placet keys pin`, after comparing it with its holder",
            code=Exit.NOT_FOUND,
        )
    return keys


def _check_signed(file: Path, keys: Sequence[PublicKey], envelope: bytes, what: str) -> None:
    """Refuse what no pinned key signed."""
    try:
        verify_checkpoint(parse_envelope(envelope), keys)
    except EnvelopeRefused as fault:
        raise CommandRefused(
            detail=f"nothing is added to {file}: {what} is no checkpoint that a pinned key signed:"
            f" {fault.detail}",
            remedy="after a rotation of keys run `placet keys follow`; if that changes nothing,"
            " keep the file and find out who wrote this",
            code=Exit.FAILED,
        ) from fault


def append_to(
    file: Path, keys: Sequence[PublicKey], url: str | None, data_dir: Path | None
) -> CheckpointView:
    """Add the newest checkpoint behind the last one of a file, of which it has to follow."""

    async def added(studio: Studio) -> CheckpointView:
        newest = await studio.checkpoints.latest()
        _check_signed(file, keys, newest.envelope.encode(), "what the service offers")
        tenant_id, offered = told_by(newest.envelope.encode())
        held = newest_at(file, tenant_id)
        if (last := envelope_at(file)) is not None:
            _check_signed(file, keys, last, "its last line")
        if held is not None:
            await _check_follows(studio, file, held, offered)
        if keep_at(file, tenant_id, held, [(offered, newest.envelope.encode())]) != offered:
            raise CommandRefused(
                detail=f"somebody else wrote to {file} meanwhile, and nothing was added",
                remedy="do it again",
                code=Exit.INFRASTRUCTURE,
            )
        return newest

    try:
        return at_desk(url, data_dir, added)
    except WitnessUnreadable as fault:
        raise CommandRefused(
            detail=f"nothing is added to {file}: {fault.detail}",
            remedy="name a file of its own for each tenant, one that only this command writes",
        ) from fault
    except OSError as fault:
        raise _unwritable(file, fault) from fault


def replace_in(file: Path, url: str | None, data_dir: Path | None) -> CheckpointView:
    """Write the newest checkpoint as a file of its own, unless evidence would be lost with it."""
    held: tuple[UUID, Kept] | None = None
    if (text := _single(file)) is not None:
        # What is no checkpoint is replaced as any file is that somebody names.
        with contextlib.suppress(Invalid):
            held = told_by(text)

    async def followed(studio: Studio) -> CheckpointView:
        newest = await studio.checkpoints.latest()
        if held is not None:
            whose, kept = held
            tenant_id, offered = told_by(newest.envelope.encode())
            if whose != tenant_id:
                raise _not_added(file, f"what is in it is of tenant {whose}")
            await _check_follows(studio, file, kept, offered)
        return newest

    newest = at_desk(url, data_dir, followed)
    write_file(file, newest.envelope.encode())
    return newest


def _single(file: Path) -> bytes | None:
    """Return what a file holds, if it is there. Refuses a witness's file, with a line for each."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_ENVELOPE_MAX)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise _unwritable(file, fault) from fault
    if text.lstrip().startswith(_LINE_BEGIN) or len(text) == _ENVELOPE_MAX:
        raise CommandRefused(
            detail=f"{file} is a file with a line for each checkpoint, and would be lost",
            remedy="add a line to it with --append, or name another file",
        )
    return text


def _unwritable(file: Path, fault: OSError) -> CommandRefused:
    return CommandRefused(
        detail=f"`{file}` cannot be written: {fault.strerror}",
        remedy="name a file in a folder of yours",
        code=Exit.INFRASTRUCTURE,
    )


async def _check_follows(studio: Studio, file: Path, held: Kept, offered: Kept) -> None:
    """Refuse what does not come behind the last checkpoint of a file, or is of another history."""
    if offered.epoch > held.epoch or offered == held:
        return
    if (offered.epoch, offered.size) < (held.epoch, held.size):
        raise _not_added(
            file,
            f"the service offers {offered.size:,} entries of epoch {offered.epoch}, and the file"
            f" holds {held.size:,} of epoch {held.epoch}",
        )
    proof = await studio.checkpoints.consistency(held.size, offered.size)
    path = [bytes.fromhex(step) for step in proof.path]
    if not is_consistent(held.size, held.root, offered.size, offered.root, path):
        raise _not_added(
            file, f"the log that is offered does not begin with the {held.size:,} entries in it"
        )


def _not_added(file: Path, why: str) -> CommandRefused:
    return CommandRefused(
        detail=f"nothing is added to {file}: {why}",
        remedy="keep the file: it proves that the database was put back or written anew, or that"
        " another one answers",
        code=Exit.FAILED,
    )
