"""The checkpoints that were kept outside: one file for each tenant, the newest line last."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from os import SEEK_END
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from placet.evidence.checkpoint import CheckpointPayload, verify_checkpoint
from placet.evidence.dsse import EnvelopeFlaw, EnvelopeRefused, parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.kernel.ids import TenantId
from placet.kernel.value import Value

TAIL_BYTES: Final = 8_192
"""How much of a file's end is read at first to find its last line."""
BLOCK_BYTES: Final = 1_048_576
"""How much of a file is held at a time where its lines are counted."""
_STRANGE: Final = (
    "none of the keys for checkpoints that the database knows signed it: another installation did,"
    " or the database was put back to before its key was made"
)

_Stamp: TypeAlias = tuple[int, int, int]
"""Which file a path names, how long it is, and when it was changed."""


class Witnessed(Value, frozen=True):
    """What a file holds of one tenant: its checkpoints in the file's order, or why it is no use.

    `fault` names the line as people count them, and the file without its folder. `is_strange` where
    it is no use since none of our keys signed it: then the key may have been made after the moment
    that a database was put back to.
    """

    tenant_id: TenantId
    checkpoints: list[CheckpointPayload]
    fault: str | None = None
    is_strange: bool = False

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


def _read(
    text: bytes,
    tenant_id: TenantId,
    keys: Sequence[PublicKey],
    count_before: Callable[[], int] = lambda: 0,
) -> Witnessed:
    """Return what these lines of a tenant's file hold.

    `count_before` says how many lines stand before them; it is asked where one is no use.
    """
    held: list[CheckpointPayload] = []
    number = 0
    try:
        for number, line in _whole_lines(text):
            envelope = parse_envelope(bytes(_LINE.decode(line).envelope))
            checkpoint = verify_checkpoint(envelope, keys)
            if checkpoint.tenant_id != tenant_id:
                return _fault(tenant_id, held, count_before() + number, "is another tenant's")
            held.append(checkpoint)
    except (EnvelopeRefused, msgspec.MsgspecError) as fault:
        is_strange = isinstance(fault, EnvelopeRefused) and fault.flaw is EnvelopeFlaw.SIGNATURE
        why = fault.detail if isinstance(fault, EnvelopeRefused) else str(fault)
        told = f"cannot be taken: {_STRANGE if is_strange else why}"
        return _fault(tenant_id, held, count_before() + number, told, is_strange=is_strange)
    return Witnessed(tenant_id=tenant_id, checkpoints=held)


class NewestLines:
    """The last whole line of each file of a folder that is no blank one.

    A file is read again when it has changed.
    """

    def __init__(self, folder: Path) -> None:
        """Begin without having read any."""
        self.files_seen = 0
        """How many files were looked at so far; whoever waits sees by it that a look goes on."""
        self._folder = folder
        self._keys: list[bytes] = []
        self._held: dict[Path, tuple[_Stamp, Witnessed]] = {}

    def read(self, keys: Sequence[PublicKey]) -> list[Witnessed]:
        """Return what the folder holds, by tenant, each with one line. Raises `OSError`."""
        if (raw := [key.raw for key in keys]) != self._keys:
            self._keys, self._held = raw, {}
        held: dict[Path, tuple[_Stamp, Witnessed]] = {}
        for path, tenant_id in _files(self._folder):
            stamp = _stamp(path)
            was = self._held.get(path)
            held[path] = (
                was
                if was is not None and was[0] == stamp
                else (stamp, _newest(path, tenant_id, keys))
            )
            self.files_seen += 1
        self._held = held
        return [found for _, found in held.values()]


def _stamp(path: Path) -> _Stamp:
    told = path.stat()
    return told.st_ino, told.st_size, told.st_mtime_ns


def _files(folder: Path) -> Iterator[tuple[Path, TenantId]]:
    """Yield the file of each tenant. A folder that is not there is an `OSError`, too."""
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(ValueError):
            if path.suffix == ".jsonl":
                yield path, TenantId(UUID(path.stem))


def _newest(path: Path, tenant_id: TenantId, keys: Sequence[PublicKey]) -> Witnessed:
    line, behind = _last_line(path)
    return _read(line, tenant_id, keys, lambda: _count_lines(path) - 1 - behind)


def _last_line(path: Path) -> tuple[bytes, int]:
    """Return the last whole line that is no blank one, and how many stand behind it.

    Nobody may be unwatched for the sake of a line feed: what stands before it is what counts.
    """
    with path.open("rb") as file:
        end = file.seek(0, SEEK_END)
        size = TAIL_BYTES
        while True:
            file.seek(max(0, end - size))
            whole, newline, _ = file.read(size).rpartition(b"\n")
            begin = whole.rstrip().rfind(b"\n") + 1
            if begin or size >= end:
                line, *behind = whole[begin:].split(b"\n")
                return line + newline, len(behind)
            size *= 2


def _count_lines(path: Path) -> int:
    """Return how many whole lines a file has, holding little of it at a time."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK_BYTES), b""))


def _whole_lines(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is no blank one, with its number as people count them."""
    *whole, _ = text.split(b"\n")
    for number, line in enumerate(whole, 1):
        if line.strip():
            yield number, line


def _fault(
    tenant_id: TenantId,
    held: list[CheckpointPayload],
    line: int,
    what: str,
    *,
    is_strange: bool = False,
) -> Witnessed:
    words = f"line {line} of `{tenant_id}.jsonl` in the witness's folder {what}"
    return Witnessed(tenant_id=tenant_id, checkpoints=held, fault=words, is_strange=is_strange)
