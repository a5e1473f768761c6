"""Checkpoints in files outside of the database: one file for each tenant, one line each. Blocking.

A line is `{"envelope":…}`. Lines are only added, each whole and on the disk before the next one is
thought of; the last one says where to go on. What a crash left of a line is cut off; a line that
lacks its line feed alone gets it, since what is in it was signed.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from placet.authority.checkpoints.model import Checkpoint, Kept
from placet.evidence.checkpoint import CheckpointPayload
from placet.evidence.dsse import open_payload, parse_envelope
from placet.kernel.ids import TenantId
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input

_BLOCK: Final = 65_536
_BEGIN: Final = b'{"envelope":'


class WitnessUnreadable(Invalid):
    """The last line of a witness's file is no checkpoint of that tenant."""

    hint = "look at the end of the file: move it away, or take off what is no checkpoint"


class _Line(Input, frozen=True):
    envelope: msgspec.Raw


def path_of(folder: Path, tenant_id: TenantId) -> Path:
    """Return the file of a tenant."""
    return folder / f"{tenant_id}.jsonl"


def newest_in(folder: Path, tenant_id: TenantId) -> Kept | None:
    """Return which checkpoint the last line of a tenant's file holds, if there is one.

    Refuses `witness_unreadable`; raises `OSError`.
    """
    return newest_at(path_of(folder, tenant_id), tenant_id)


def newest_at(path: Path, tenant_id: TenantId) -> Kept | None:
    """Return the same of any file. Refuses `witness_unreadable`; raises `OSError`."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        return _newest(file, tenant_id)


def envelope_at(path: Path) -> bytes | None:
    """Return the envelope of a file's last line, if it can be read as a line of ours.

    Raises `OSError`.
    """
    if not path.exists():
        return None
    with path.open("rb") as file:
        line = _last_line(file)
    try:
        return None if line is None else bytes(msgspec.json.decode(line, type=_Line).envelope)
    except msgspec.MsgspecError:
        return None


def keep(
    folder: Path, tenant_id: TenantId, after: Kept | None, checkpoints: Sequence[Checkpoint]
) -> Kept | None:
    """Add those checkpoints that come behind `after`, if that is the file's last one.

    Returns the last one since; where it was another than `after`, nothing was added. Refuses
    `witness_unreadable`, and then leaves the file as it is. Raises `OSError`, also where the folder
    is not there: it may be a volume that is away.
    """
    lines = [
        (Kept(epoch=each.epoch, size=each.size, root=each.root), each.envelope)
        for each in checkpoints
    ]
    return keep_at(path_of(folder, tenant_id), tenant_id, after, lines)


def keep_at(
    path: Path, tenant_id: TenantId, after: Kept | None, lines: Sequence[tuple[Kept, bytes]]
) -> Kept | None:
    """Do the same with any file, and with what each envelope says beside it."""
    is_new = not path.exists()
    with path.open("ab+") as file:
        # Race: others may write to the same file.
        fcntl.flock(file, fcntl.LOCK_EX)
        newest = _newest(file, tenant_id)
        if newest != after:
            return newest
        _finish(file)
        for kept, envelope in lines:
            if newest is None or (kept.epoch, kept.size) > (newest.epoch, newest.size):
                file.write(_BEGIN + envelope + b"}\n")
                newest = kept
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _sync_folder(path.parent)
    return newest


def read_line(line: bytes, tenant_id: TenantId) -> Kept:
    """Return which checkpoint a line holds. Refuses `witness_unreadable`."""
    try:
        whose, kept = told_by(bytes(msgspec.json.decode(line, type=_Line).envelope))
    except (msgspec.MsgspecError, Invalid) as fault:
        raise WitnessUnreadable(
            detail=f"the last line for tenant {tenant_id} is no checkpoint: {fault}"
        ) from fault
    if whose != tenant_id:
        raise WitnessUnreadable(
            detail=f"its last line is of tenant {whose}, and this is tenant {tenant_id}"
        )
    return kept


def told_by(envelope: bytes) -> tuple[TenantId, Kept]:
    """Return whose checkpoint an envelope holds, and which. Refuses what is none as `Invalid`."""
    told = open_payload(parse_envelope(envelope).payload, CheckpointPayload)
    kept = Kept(epoch=told.epoch, size=told.size, root=bytes.fromhex(told.root))
    return TenantId(told.tenant_id), kept


def _newest(file: BinaryIO, tenant_id: TenantId) -> Kept | None:
    line = _last_line(file)
    return None if line is None else read_line(line, tenant_id)


def _last_line(file: BinaryIO) -> bytes | None:
    """Return the last line that is whole, with or without its line feed."""
    end = _end_of_lines(file)
    tail = _tail(file, end)
    if tail and not _is_torn(tail):
        return tail
    return _read_line(file, end) or None


def _finish(file: BinaryIO) -> None:
    """Give a last line that is whole its line feed, and cut off what a crash left of one."""
    end = _end_of_lines(file)
    tail = _tail(file, end)
    if _is_torn(tail):
        file.truncate(end)
    elif tail:
        file.write(b"\n")


def _tail(file: BinaryIO, end: int) -> bytes:
    """Return what stands behind the last line feed."""
    file.seek(end)
    return file.read()


def _is_torn(tail: bytes) -> bool:
    """Tell whether this is the beginning of a line of ours; a file system may have padded it."""
    begun = tail.rstrip(b"\0")
    if not (begun.startswith(_BEGIN) or _BEGIN.startswith(begun)):
        return False
    try:
        msgspec.json.decode(tail, type=_Line)
    except msgspec.MsgspecError:
        return True
    return False


def _end_of_lines(file: BinaryIO) -> int:
    """Return how many bytes of a file are whole lines."""
    at = file.seek(0, os.SEEK_END)
    while at > 0:
        start = max(0, at - _BLOCK)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0


def _read_line(file: BinaryIO, end: int) -> bytes:
    """Return the last line before a byte that is no blank one; empty where there is none."""
    size = _BLOCK
    while True:
        start = max(0, end - size)
        file.seek(start)
        lines = file.read(end - start).rstrip().split(b"\n")
        if start == 0 or len(lines) > 1:
            return lines[-1]
        size *= 2


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
