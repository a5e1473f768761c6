"""Checkpoints in files outside of the database: one file for each tenant, one line each. Blocking.

A line is `{"envelope":…}`. Lines are only added, each whole and on the disk before the next one is
thought of; the last one says where to go on. What a crash left of a line is cut off.
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


class WitnessUnreadable(Invalid):
    """The last line of a witness's file is no checkpoint of that tenant."""


class _Line(Input, frozen=True):
    envelope: msgspec.Raw


def path_of(folder: Path, tenant_id: TenantId) -> Path:
    """Return the file of a tenant."""
    return folder / f"{tenant_id}.jsonl"


def newest_in(folder: Path, tenant_id: TenantId) -> Kept | None:
    """Return which checkpoint the last whole line of a tenant's file holds, if there is one.

    Refuses `witness_unreadable`; raises `OSError`.
    """
    path = path_of(folder, tenant_id)
    if not path.exists():
        return None
    with path.open("rb") as file:
        return _newest(file, tenant_id)


def keep(folder: Path, tenant_id: TenantId, checkpoints: Sequence[Checkpoint]) -> Kept | None:
    """Add those checkpoints that come behind the file's last one. Returns the last one since.

    Refuses `witness_unreadable`, and then leaves the file as it is. Raises `OSError`, also where
    the folder is not there: it may be a volume that is away.
    """
    path = path_of(folder, tenant_id)
    is_new = not path.exists()
    with path.open("ab+") as file:
        # Race: other nodes may write to the same folder.
        fcntl.flock(file, fcntl.LOCK_EX)
        newest = _newest(file, tenant_id)
        file.truncate(_end_of_lines(file))
        for each in checkpoints:
            if newest is None or (each.epoch, each.size) > (newest.epoch, newest.size):
                file.write(b'{"envelope":' + each.envelope + b"}\n")
                newest = Kept(epoch=each.epoch, size=each.size, root=each.root)
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _sync_folder(folder)
    return newest


def _newest(file: BinaryIO, tenant_id: TenantId) -> Kept | None:
    end = _end_of_lines(file)
    if end == 0:
        return None
    line = _read_line(file, end)
    try:
        envelope = parse_envelope(bytes(msgspec.json.decode(line, type=_Line).envelope))
        told = open_payload(envelope.payload, CheckpointPayload)
    except (msgspec.MsgspecError, Invalid) as fault:
        raise WitnessUnreadable(
            detail=f"the last line for tenant {tenant_id} is no checkpoint: {fault}"
        ) from fault
    if told.tenant_id != tenant_id:
        raise WitnessUnreadable(detail=f"the last line for tenant {tenant_id} is of another one")
    return Kept(epoch=told.epoch, size=told.size, root=bytes.fromhex(told.root))


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
    """Return the line that ends at a byte."""
    size = _BLOCK
    while True:
        start = max(0, end - size)
        file.seek(start)
        lines = file.read(end - start).splitlines()
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
