"""Writing a bundle, a line at a time, so that an export of any size takes little memory."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

import msgspec

from placet.events.model import RecordedEvent, SpanRow
from placet.evidence.bundle import (
    BundleHeader,
    BundleHeaderV2,
    CheckpointLine,
    ConsistencyLine,
    DossierTextLine,
    EnvelopeLine,
    GrantLine,
    InclusionLine,
    Line,
    LineV2,
    Manifest,
    ManifestV2,
    ReadmeLine,
    SealLine,
    SectionHashes,
)
from placet.evidence.dsse import Envelope
from placet.evidence.grant import GRANT_TYPE
from placet.evidence.leaf import microseconds
from placet.kernel.canonical import canonical
from placet.kernel.value import Mutable

_EVENT_ENCODER: Final = msgspec.json.Encoder()
"""Canonical for `_EventText`: its keys are ASCII and stand in their order, and it holds no floats
and no large integers.
"""


class _EventText(Mutable, gc=False):
    """An `EventLine` as it is written: its fields in the order of the canonical form.

    Made by the million: so filled by position, and never checked.
    """

    actor_id: str
    body: bytes | None
    body_hash: str
    control_epoch: int
    control_revision: int
    epoch: int
    event_id: str
    fence: int
    kind: str
    leaf: str
    prev: str
    salt: bytes | None
    seq: int
    stream_id: str
    tenant_id: str
    time: int
    type: str


class BundleWriter:
    """Makes the lines of one bundle.

    The caller keeps the order: header, seals, events, envelopes, end.
    """

    def __init__(self) -> None:
        """Start a bundle."""
        self._hash = hashlib.sha256()
        self._events = 0

    def header(self, header: BundleHeader) -> bytes:
        """Return the first line."""
        return self._line(header)

    def seal(self, seal: SealLine) -> bytes:
        """Return the line of a seal."""
        return self._line(seal)

    def event(self, event: RecordedEvent) -> bytes:
        """Return the line of an event; the events of one stream come in their order."""
        return self.add_events(event_line(event), 1)

    def add_events(self, lines: bytes, number: int) -> bytes:
        """Take so many lines of events as `event_lines` makes them, and return them."""
        self._events += number
        self._hash.update(lines)
        return lines

    def envelope(self, envelope: Envelope) -> bytes:
        """Return the line of a grant or of another signed document."""
        return self._line(_envelope_line(envelope))

    def manifest(self) -> bytes:
        """Return the last line."""
        return self._line(Manifest(events=self._events, sha256=self._hash.hexdigest()))

    def _line(self, document: BundleHeader | Line) -> bytes:
        line = canonical(document) + b"\n"
        self._hash.update(line)
        return line


class BundleWriterV2:
    """Makes the lines of one bundle of the second form.

    The caller keeps the order: header, readme, seals, events, envelopes (grants first), dossiers,
    checkpoints by rising size, inclusions, consistencies, manifest.
    """

    def __init__(self) -> None:
        """Start a bundle."""
        self._hash = hashlib.sha256()
        self._sections = {name: hashlib.sha256() for name in SectionHashes.__struct_fields__}
        self._events = 0
        self._size = 0

    @property
    def events(self) -> int:
        """How many events were written."""
        return self._events

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return self._size

    @property
    def sha256(self) -> str:
        """Plain SHA-256 of every byte that was written, in hex."""
        return self._hash.hexdigest()

    def header(self, header: BundleHeaderV2) -> bytes:
        """Return the first line."""
        return self._line("header", header)

    def readme(self, text: str) -> bytes:
        """Return the line that speaks to people."""
        return self._line("readme", ReadmeLine(text=text))

    def seal(self, seal: SealLine) -> bytes:
        """Return the line of a seal."""
        return self._line("seals", seal)

    def event(self, event: RecordedEvent) -> bytes:
        """Return the line of an event; the events of one stream come in their order."""
        return self.add_events(event_line(event), 1)

    def add_events(self, lines: bytes, number: int) -> bytes:
        """Take so many lines of events as `event_lines` makes them, and return them."""
        self._events += number
        return self._written(lines)

    def envelope(self, envelope: Envelope) -> bytes:
        """Return the line of a grant or of another signed document.

        A key rotation is two of them, the old key's and then the new one's.
        """
        return self._line("envelopes", _envelope_line(envelope))

    def dossier(self, data: bytes) -> bytes:
        """Return the line of a dossier, given as the file that it is."""
        return self._line("dossiers", DossierTextLine(text=data.decode()))

    def checkpoint(self, envelope: Envelope) -> bytes:
        """Return the line of a checkpoint; the last one is that of the bundle."""
        return self._line("proofs", CheckpointLine(envelope=envelope))

    def proof(self, proof: InclusionLine | ConsistencyLine) -> bytes:
        """Return the line of a proof against the last checkpoint."""
        return self._line("proofs", proof)

    def manifest(self) -> bytes:
        """Return the last line."""
        sections = {name: found.hexdigest() for name, found in self._sections.items()}
        manifest = ManifestV2(
            events=self._events, lines=SectionHashes(**sections), sha256=self._hash.hexdigest()
        )
        return self._written(canonical(manifest) + b"\n")

    def _line(self, section: str, document: BundleHeaderV2 | LineV2) -> bytes:
        line = canonical(document) + b"\n"
        self._sections[section].update(line)
        return self._written(line)

    def _written(self, data: bytes) -> bytes:
        self._hash.update(data)
        self._size += len(data)
        return data


def event_line(event: RecordedEvent) -> bytes:
    """Return the line of an event."""
    row = (
        1,
        event.seq,
        event.event_id,
        event.actor_id,
        event.epoch,
        event.fence,
        event.control_epoch,
        event.control_revision,
        event.at,
        event.type,
        event.prev,
        event.body_hash,
        event.leaf,
        event.salt,
        event.body,
    )
    return event_lines(event.tenant_id, [event.stream_id], [row])


def event_lines(tenant_id: UUID, streams: Sequence[UUID], rows: Iterable[SpanRow]) -> bytes:
    """Return the lines of many events; `streams` are those of the spans that the rows are of."""
    tenant, names = str(tenant_id), [str(stream) for stream in streams]
    return _EVENT_ENCODER.encode_lines(
        [
            _EventText(
                str(actor_id),
                body,
                body_hash.hex(),
                control_epoch,
                control_revision,
                epoch,
                str(event_id),
                fence,
                "event",
                leaf.hex(),
                prev.hex(),
                salt,
                seq,
                names[place - 1],
                tenant,
                microseconds(at),
                type_,
            )
            for (
                place,
                seq,
                event_id,
                actor_id,
                epoch,
                fence,
                control_epoch,
                control_revision,
                at,
                type_,
                prev,
                body_hash,
                leaf,
                salt,
                body,
            ) in rows
        ]
    )


def _envelope_line(envelope: Envelope) -> GrantLine | EnvelopeLine:
    if envelope.payload_type == GRANT_TYPE:
        return GrantLine(envelope=envelope)
    return EnvelopeLine(envelope=envelope)


def write_bundle(
    header: BundleHeader,
    events: Iterable[RecordedEvent],
    envelopes: Iterable[Envelope] = (),
) -> Iterator[bytes]:
    """Yield the lines of a bundle, the header first and the manifest last."""
    writer = BundleWriter()
    yield writer.header(header)
    for event in events:
        yield writer.event(event)
    for envelope in envelopes:
        yield writer.envelope(envelope)
    yield writer.manifest()
