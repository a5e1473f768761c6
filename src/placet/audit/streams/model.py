"""A file of a stream, what is told of it, and what can be wrong with it."""

import dataclasses
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.bundle import StreamHead
from placet.evidence.fields import HexDigest
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input, Value

IMPORT_BYTES_MAX: Final = 8 * 1024 * 1024
"""Bytes of a request that brings a file in."""

IMPORT_EVENTS_MAX: Final = 10_000


class ImportStream(Input, frozen=True):
    """A file of a stream, as text."""

    lines: Annotated[str, msgspec.Meta(min_length=1)]


class ImportedEvent(Value, frozen=True):
    """One event of a file, as it is to stand in the new stream."""

    event_id: UUID
    type: str
    salt: bytes
    body: bytes


class StreamFile(Value, frozen=True):
    """A file that holds together: whose stream it is of, its events, and the manifest's hash."""

    tenant_id: UUID
    stream: StreamHead
    events: tuple[ImportedEvent, ...]
    sha256: HexDigest


class StreamImported(Value, frozen=True):
    """Event: what follows was brought in from a file of a stream, up to the leaf named here.

    `sha256` is that of the file's manifest.
    """

    origin_tenant_id: UUID
    origin_stream_id: UUID
    origin_seq: int
    origin_leaf: HexDigest
    events: int
    sha256: HexDigest


class StreamExported(Value, frozen=True):
    """Event: somebody took a stream away as a file, up to this event."""

    stream_id: UUID
    kind: str
    last_seq: int


class ImportAnswer(Value, frozen=True):
    """The stream that was made, and how many events stand in it behind the first."""

    stream_id: UUID
    events: int
    head: HexDigest


@dataclasses.dataclass(kw_only=True, eq=False)
class ImportRefused(Invalid):
    """The file cannot be brought in."""

    hint = "export the stream again, and change nothing in the file"
    line: int


class ImportNoRun(ImportRefused):
    """The file is not of a run that could go on."""

    hint = "bring in the export of one run; `placet verify` reads every other file where it lies"


class ImportTooLong(ImportRefused):
    """The file has more events than are brought in."""

    hint = (
        "keep the file, which `placet verify` reads; a run of more than 10,000 events stays there"
    )


class ImportBodyErased(ImportRefused):
    """A body of the file was erased."""

    hint = "bring in an export of before the erasure, if you may; a later one has no such body"


class ImportParentElsewhere(ImportRefused):
    """An event of the file stems from one that is not in it, as a fork's do."""

    hint = "keep the files of the fork and of its origin: `placet verify` reads each as it is"
