"""Reading a dossier's lines: which of them are the ones that were written, and which is not."""

from collections.abc import Sequence
from typing import Final, NoReturn, TypeVar

import msgspec

from placet.evidence.bundle import LINE_MAX
from placet.evidence.dossier import (
    ApprovalLine,
    ApprovalRecord,
    ArtifactLine,
    DossierHeader,
    DossierManifest,
    DossierSubject,
    ProofLine,
    SnapshotLine,
    ViewLine,
)
from placet.evidence.verify import Flaw
from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.hashing import plain_sha256
from placet.kernel.value import Value

T = TypeVar("T")

ARTIFACT, SNAPSHOT, VIEW, APPROVAL, PROOF = range(2, 7)
"""On which line each stands, from 1."""

_LENGTHS: Final = {DossierSubject.APPROVAL: 7, DossierSubject.ARTIFACT: 3}
_RECORD: Final = (ArtifactLine, SnapshotLine, ViewLine, ApprovalLine, ProofLine)
_NAMES: Final = ("the header", "the artifact", "the snapshot", "the view", "the approval")

UNCOUNTED: Final = "its bytes are not those that the manifest counts"
"""What is said of a line that was changed where nothing else tells why it is bad."""


class DossierError(Exception):
    """A dossier is bad. `flaw` names the line, the item and the reason."""

    def __init__(self, flaw: Flaw) -> None:
        """Take what is wrong."""
        super().__init__(f"line {flaw.line}, {flaw.item}: {flaw.why}")
        self.flaw = flaw


class DossierFile(Value, frozen=True):
    """A dossier whose form is right. `record` is null where an artifact is all there is."""

    header: DossierHeader
    artifact: ArtifactLine
    record: ApprovalRecord | None


def bad(line: int, item: str, why: str) -> NoReturn:
    """End the reading at the first thing that is wrong."""
    raise DossierError(Flaw(line=line, item=item, why=why))


def line_name(number: int) -> str:
    """Return what stands on a line, counted from 1."""
    return _NAMES[number - 1] if number <= len(_NAMES) else "the proof"


def split_lines(data: bytes) -> list[bytes]:
    """Return the lines with their line feeds. Raises `DossierError` for a file that was cut."""
    parts = data.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    if parts[-1] or not lines:
        lines.append(parts[-1])
    if not lines[-1].endswith(b"\n"):
        bad(len(lines), "the end", "the line is cut off")
    if too_long := next((n for n, line in enumerate(lines, 1) if len(line) > LINE_MAX), None):
        bad(too_long, "the line", f"more than {LINE_MAX} bytes")
    return lines


def uncounted_line(lines: Sequence[bytes]) -> int | None:
    """Return the line (from 1) that is not the one that was sealed, or none.

    It is a line before the manifest if its own hash and that of the whole disagree with it, and
    the manifest if only one of them does.
    """
    last = len(lines)
    manifest = _parsed(lines[-1], DossierManifest)
    if manifest is None:
        unread = (number for number, line in enumerate(lines, 1) if not _is_readable(line))
        return next(unread, last)
    found = [plain_sha256(line).hex() for line in lines[:-1]]
    pairs = zip(found, manifest.lines, strict=False)
    wrong = [number for number, (is_, told) in enumerate(pairs, 1) if is_ != told]
    is_whole = plain_sha256(b"".join(lines[:-1])).hex() == manifest.sha256
    if is_whole and not wrong and len(found) == len(manifest.lines):
        return None
    return last if is_whole or not wrong else wrong[0]


def read_lines(lines: Sequence[bytes]) -> DossierFile:
    """Return the documents of a dossier. Raises `DossierError` for any that is not as it must be.

    Each must be in canonical form, and of the kind that its place asks for.
    """
    header = _document(lines, 1, DossierHeader)
    length = _LENGTHS[header.subject]
    if len(lines) != length:
        why = f"there are {len(lines)} lines where {length} belong"
        bad(min(len(lines), length), "the end", why)
    artifact = _document(lines, ARTIFACT, ArtifactLine)
    record = None
    if header.subject is DossierSubject.APPROVAL:
        record = ApprovalRecord(
            artifact=artifact,
            snapshot=_document(lines, SNAPSHOT, SnapshotLine),
            view=_document(lines, VIEW, ViewLine),
            approval=_document(lines, APPROVAL, ApprovalLine),
            proof=_document(lines, PROOF, ProofLine),
        )
    _document(lines, length, DossierManifest)
    return DossierFile(header=header, artifact=artifact, record=record)


def read_text(text: str, into: type[T], number: int) -> T:
    """Return what a text that is kept as it was hashed says, of which only parts may be read.

    Raises `DossierError` unless it is in canonical form, so that no key stands in it twice.
    """
    data = text.encode()
    try:
        if foreign.encode(foreign.parse(data)) != data:
            bad(number, line_name(number), "its text is not in canonical form")
        return msgspec.json.decode(data, type=into)
    except (ValueError, RecursionError) as fault:
        bad(number, line_name(number), f"its text cannot be read: {fault}")


def _document(lines: Sequence[bytes], number: int, kind: type[T]) -> T:
    document = _parsed(lines[number - 1], kind)
    if document is None:
        name = "the manifest" if kind is DossierManifest else line_name(number)
        bad(number, name, "it is no such line in canonical form")
    return document


def _is_readable(line: bytes) -> bool:
    return any(_parsed(line, kind) is not None for kind in (DossierHeader, *_RECORD))


def _parsed(line: bytes, kind: type[T]) -> T | None:
    try:
        document = msgspec.json.decode(line, type=kind)
        return document if canonical(document) + b"\n" == line else None
    except (ValueError, TypeError, RecursionError):
        return None
