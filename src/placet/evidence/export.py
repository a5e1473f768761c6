"""Writing a bundle, a line at a time, so that an export of any size takes little memory."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from placet.events.model import RecordedEvent
from placet.evidence.bundle import (
    BundleHeader,
    BundleHeaderV2,
    CheckpointLine,
    ConsistencyLine,
    DossierTextLine,
    EnvelopeLine,
    EventLine,
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

_EVENT_ENCODER: Final = msgspec.json.Encoder(order="sorted")
"""Canonical for events: their keys are ASCII, and they hold no floats and no large integers."""


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
        self._events += 1
        line = event_line(event)
        self._hash.update(line)
        return line

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

    @property
    def events(self) -> int:
        """How many events were written."""
        return self._events

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
        self._events += 1
        line = event_line(event)
        self._hash.update(line)
        return line

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
        return canonical(manifest) + b"\n"

    def _line(self, section: str, document: BundleHeaderV2 | LineV2) -> bytes:
        line = canonical(document) + b"\n"
        self._hash.update(line)
        self._sections[section].update(line)
        return line


def event_line(event: RecordedEvent) -> bytes:
    """Return the line of an event."""
    line = EventLine(
        tenant_id=str(event.tenant_id),
        stream_id=str(event.stream_id),
        event_id=str(event.event_id),
        actor_id=str(event.actor_id),
        epoch=event.epoch,
        fence=event.fence,
        control_epoch=event.control_epoch,
        control_revision=event.control_revision,
        time=microseconds(event.at),
        seq=event.seq,
        prev=event.prev.hex(),
        body_hash=event.body_hash.hex(),
        type=event.type,
        leaf=event.leaf.hex(),
        salt=event.salt,
        body=event.body,
    )
    return _EVENT_ENCODER.encode(line) + b"\n"


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
