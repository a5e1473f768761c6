"""Writing a bundle, a line at a time, so that an export of any size takes little memory."""

import hashlib
from collections.abc import Iterable, Iterator

from placet.events.model import RecordedEvent
from placet.evidence.bundle import (
    BundleHeader,
    EnvelopeLine,
    EventLine,
    GrantLine,
    Line,
    Manifest,
    SealLine,
)
from placet.evidence.dsse import Envelope
from placet.evidence.grant import GRANT_TYPE
from placet.evidence.leaf import microseconds
from placet.kernel.canonical import canonical


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
        return self._line(
            EventLine(
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
        )

    def envelope(self, envelope: Envelope) -> bytes:
        """Return the line of a grant or of another signed document."""
        if envelope.payload_type == GRANT_TYPE:
            return self._line(GrantLine(envelope=envelope))
        return self._line(EnvelopeLine(envelope=envelope))

    def manifest(self) -> bytes:
        """Return the last line."""
        return self._line(Manifest(events=self._events, sha256=self._hash.hexdigest()))

    def _line(self, document: BundleHeader | Line) -> bytes:
        line = canonical(document) + b"\n"
        self._hash.update(line)
        return line


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
