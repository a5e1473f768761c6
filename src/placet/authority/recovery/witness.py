"""The checkpoints that were kept outside: one file for each tenant, the newest line last."""

import contextlib
from collections.abc import Iterator, Sequence
from os import SEEK_END
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.checkpoint import CheckpointPayload, verify_checkpoint
from placet.evidence.dsse import EnvelopeRefused, parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.kernel.ids import TenantId
from placet.kernel.value import Value

TAIL_BYTES: Final = 8_192
"""How much of a file's end is read at first to find its last line."""


class Witnessed(Value, frozen=True):
    """What a file holds of one tenant: its checkpoints in the file's order, or why it is no use."""

    tenant_id: TenantId
    checkpoints: list[CheckpointPayload]
    fault: str | None = None

    @property
    def newest(self) -> CheckpointPayload | None:
        """Return the checkpoint of the highest epoch and, in it, of the longest log."""
        return max(self.checkpoints, key=lambda one: (one.epoch, one.size), default=None)


class _Line(Value, frozen=True):
    envelope: msgspec.Raw


_LINE = msgspec.json.Decoder(_Line)


def read_witness(folder: Path, keys: Sequence[PublicKey]) -> list[Witnessed]:
    """Return what a folder holds, by tenant. `keys` are ours for checkpoints. Raises `OSError`."""
    found = []
    for path, tenant_id in _files(folder):
        found.append(_read(path.read_bytes(), tenant_id, keys))
    return found


def _read(text: bytes, tenant_id: TenantId, keys: Sequence[PublicKey]) -> Witnessed:
    held: list[CheckpointPayload] = []
    try:
        for line in _whole_lines(text):
            envelope = parse_envelope(bytes(_LINE.decode(line).envelope))
            checkpoint = verify_checkpoint(envelope, keys)
            if checkpoint.tenant_id != tenant_id:
                return _fault(tenant_id, held, "is another tenant's")
            held.append(checkpoint)
    except (EnvelopeRefused, msgspec.MsgspecError) as fault:
        return _fault(tenant_id, held, f"cannot be taken: {fault}")
    return Witnessed(tenant_id=tenant_id, checkpoints=held)


def read_newest(folder: Path, keys: Sequence[PublicKey]) -> list[Witnessed]:
    """Return the last whole line of each file of a folder, by tenant. Raises `OSError`."""
    found = []
    for path, tenant_id in _files(folder):
        found.append(_read(_last_line(path), tenant_id, keys))
    return found


def _files(folder: Path) -> Iterator[tuple[Path, TenantId]]:
    """Yield the file of each tenant. A folder that is not there is an `OSError`, too."""
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(ValueError):
            if path.suffix == ".jsonl":
                yield path, TenantId(UUID(path.stem))


def _last_line(path: Path) -> bytes:
    with path.open("rb") as file:
        end = file.seek(0, SEEK_END)
        size = TAIL_BYTES
        while True:
            file.seek(max(0, end - size))
            whole, newline, _ = file.read(size).rpartition(b"\n")
            _, earlier, last = whole.rpartition(b"\n")
            if earlier or size >= end:
                return (last if earlier else whole) + newline
            size *= 2


def _whole_lines(text: bytes) -> Iterator[bytes]:
    for line in text.splitlines(keepends=True):
        if line.endswith(b"\n") and line.strip():
            yield line


def _fault(tenant_id: TenantId, held: list[CheckpointPayload], what: str) -> Witnessed:
    words = f"checkpoint {len(held) + 1} of the witness {what}"
    return Witnessed(tenant_id=tenant_id, checkpoints=held, fault=words)
