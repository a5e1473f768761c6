"""Reading a file of a stream strictly: what holds together is brought in, and nothing else."""

import hashlib
from collections.abc import Iterable
from typing import Final, NoReturn, TypeVar
from uuid import UUID

import msgspec

from placet.audit.streams.model import (
    IMPORT_EVENTS_MAX,
    ImportBodyErased,
    ImportedEvent,
    ImportNoRun,
    ImportParentElsewhere,
    ImportRefused,
    ImportTooLong,
    StreamFile,
    StreamImported,
)
from placet.events.forks.model import StreamForked
from placet.events.model import StreamKind
from placet.events.places.model import AUTHORITATIVE_TYPES, parent_of
from placet.evidence.bundle import BundleHeader, EventLine, Manifest, StreamHead
from placet.evidence.leaf import GENESIS, body_hash, leaf_of
from placet.kernel.canonical import canonical
from placet.kernel.value import Input, Value

_HEADER: Final = msgspec.json.Decoder(BundleHeader)
_LINE: Final = msgspec.json.Decoder(EventLine | Manifest)
_LEAST: Final = 2
_IMPORTED: Final = StreamImported.__name__
_FORKED: Final = StreamForked.__name__
T = TypeVar("T", bound=Input)


def read_file(data: bytes) -> StreamFile:
    """Return what a file holds. Refuses `import_refused` with the first line that is wrong."""
    lines = data.split(b"\n")
    if lines.pop() != b"" or len(lines) < _LEAST:
        _refuse(len(lines) + 1, "the file does not end with its manifest and a line feed")
    if len(lines) > IMPORT_EVENTS_MAX + _LEAST:
        why = f"there are more than {IMPORT_EVENTS_MAX} events"
        _refuse(IMPORT_EVENTS_MAX + _LEAST, why, ImportTooLong)
    header = _decoded(_HEADER, 1, lines[0])
    (stream, *others) = header.streams or (None,)
    if stream is None or others or stream.kind != StreamKind.RUN:
        _refuse(1, "the file is not of one stream of kind `run`", ImportNoRun)
    reading = _Reading(header.tenant_id, stream)
    for number, line in enumerate(lines[1:-1], 2):
        found = _decoded(_LINE, number, line)
        if not isinstance(found, EventLine):
            _refuse(number, "a manifest stands before the last line")
        reading.take(number, found)
    _check_end(reading, lines)
    return StreamFile(
        tenant_id=header.tenant_id,
        stream=stream,
        events=tuple(reading.events),
        sha256=_plain(lines[:-1]),
    )


class _Forked(Value, frozen=True):
    read_only: bool = False


class _Wrong(Exception):  # noqa: N818 -- why a line is wrong, on its way to the refusal
    def __init__(self, why: str, kind: type[ImportRefused]) -> None:
        super().__init__(why)
        self.kind = kind


class _Reading:
    """How far a file was read: what stands in it, and what the next event must follow."""

    def __init__(self, tenant_id: UUID, stream: StreamHead) -> None:
        self.stream = stream
        self.leaf: bytes = GENESIS
        self.events: list[ImportedEvent] = []
        self._tenant_id = tenant_id
        self._ids: set[UUID] = set()

    def take(self, number: int, line: EventLine) -> None:
        """Check one event against the one before it, and keep it."""
        try:
            self._check_place(line)
            salt, body = self._content(line)
            event = ImportedEvent(
                event_id=UUID(line.event_id), type=line.type, salt=salt, body=body
            )
            self._check_ids(event)
        except _Wrong as fault:
            _refuse(number, str(fault), fault.kind)
        except ValueError as fault:
            _refuse(number, str(fault))
        self._ids.add(event.event_id)
        self.events.append(event)

    def _check_place(self, line: EventLine) -> None:
        if line.stream_id != str(self.stream.stream_id) or line.tenant_id != str(self._tenant_id):
            _wrong("the event is of another stream")
        if line.seq != len(self.events) + 1 or line.prev != self.leaf.hex():
            _wrong("the event does not follow the one before it")
        if any(str(UUID(each)) != each for each in (line.event_id, line.actor_id)):
            _wrong("an id is not written as a UUID is: in lower case, with hyphens")
        if line.type in AUTHORITATIVE_TYPES:
            _wrong(f"a `{line.type}` has no place in a stream of kind `run`")
        self.leaf = leaf_of(
            (UUID(line.tenant_id).bytes, UUID(line.stream_id).bytes),
            (UUID(line.event_id).bytes, UUID(line.actor_id).bytes),
            (line.epoch, line.fence, line.control_epoch, line.control_revision),
            (line.time, line.seq),
            (bytes.fromhex(line.prev), bytes.fromhex(line.body_hash)),
            line.type.encode(),
        )
        if line.leaf != self.leaf.hex():
            _wrong("the event's leaf is not the hash of its header")

    def _content(self, line: EventLine) -> tuple[bytes, bytes]:
        if line.salt is None or line.body is None:
            _wrong("the event's body was erased", ImportBodyErased)
        if body_hash(line.salt, line.body).hex() != line.body_hash:
            _wrong("the event's body is not the one that its header names")
        is_first = all(one.type == _IMPORTED for one in self.events)
        if is_first and line.type == _FORKED and _is_read_only(line.body):
            _wrong(
                "the stream is a fork that takes no events, and has none of its own", ImportNoRun
            )
        return line.salt, line.body

    def _check_ids(self, event: ImportedEvent) -> None:
        if event.event_id in self._ids:
            _wrong("another event of the file has this id")
        parent = parent_of(event.body)
        if parent is not None and parent not in self._ids:
            why = f"the event's parent {parent} stands nowhere before it in the file"
            _wrong(why, ImportParentElsewhere)


def _check_end(reading: _Reading, lines: list[bytes]) -> None:
    head, last = reading.stream, len(lines)
    manifest = _decoded(_LINE, last, lines[-1])
    if not isinstance(manifest, Manifest):
        _refuse(last, "the last line is no manifest")
    if (head.head_seq, head.head_leaf) != (len(reading.events), reading.leaf.hex()):
        _refuse(last, "the stream does not end where the header says")
    if (manifest.events, manifest.sha256) != (len(reading.events), _plain(lines[:-1])):
        _refuse(last, "the manifest is not that of these lines")


def _plain(lines: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for line in lines:
        found.update(line + b"\n")
    return found.hexdigest()


def _decoded(decoder: msgspec.json.Decoder[T], number: int, line: bytes) -> T:
    try:
        found = decoder.decode(line)
        is_canonical = canonical(found) == line
    except (ValueError, TypeError, RecursionError) as fault:
        raise ImportRefused(detail=f"line {number} cannot be read: {fault}", line=number) from fault
    if not is_canonical:
        _refuse(number, "it is not in canonical form")
    return found


def _is_read_only(body: bytes) -> bool:
    """Tell whether a fork that begins like this takes no events."""
    try:
        return msgspec.json.decode(body, type=_Forked).read_only
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _wrong(why: str, kind: type[ImportRefused] = ImportRefused) -> NoReturn:
    raise _Wrong(why, kind)


def _refuse(number: int, why: str, kind: type[ImportRefused] = ImportRefused) -> NoReturn:
    raise kind(detail=f"line {number}: {why}", line=number)
