"""What an event is, and the streams that it stands in."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType, TypeAlias
from uuid import UUID

from placet.kernel.canonical import canonical
from placet.kernel.hashing import DIGEST_BYTES
from placet.kernel.ids import ActorId, Ids, TenantId, derived_id
from placet.kernel.value import Value

StreamId = NewType("StreamId", UUID)

SALT_BYTES: Final = 16
GENESIS: Final = bytes(DIGEST_BYTES)
"""The previous leaf of a stream's first event."""

SYSTEM_ACTOR: Final = ActorId(UUID(int=0))
"""Who acts when nobody asked: the sweeper."""


class StreamKind(StrEnum):
    """Whose history a stream tells."""

    TENANCY = "tenancy"
    AUTHORITY = "authority"
    CONTROL = "control"
    WORKSPACE = "workspace"
    SESSION = "session"
    SEALS = "seals"
    ERASURES = "erasures"
    RUN = "run"
    CHECKPOINTS = "checkpoints"


class NewEvent(Value, frozen=True):
    """An event before the database has given it its place."""

    event_id: UUID
    type: str
    salt: bytes
    body: bytes


class Event(Value, frozen=True):
    """The header of an event, as it is kept for ever. `fence` is the second of the fence pair."""

    tenant_id: TenantId
    stream_id: StreamId
    seq: int
    event_id: UUID
    actor_id: ActorId
    epoch: int
    fence: int
    control_epoch: int
    control_revision: int
    at: datetime
    type: str
    prev: bytes
    body_hash: bytes
    leaf: bytes


class EventBody(Value, frozen=True):
    """What an event says. Erasing it leaves the header and the chain whole."""

    tenant_id: TenantId
    stream_id: StreamId
    seq: int
    salt: bytes
    body: bytes


class EventStream(Value, frozen=True):
    """The head of an ordinary stream: its next sequence number and its last leaf."""

    tenant_id: TenantId
    stream_id: StreamId
    kind: StreamKind
    next_seq: int
    head: bytes
    last_at: datetime


class LogPending(Value, frozen=True):
    """A range of a stream that waits for its place in the tenant's transparency log.

    `at` is when it was written, before whoever wrote it had committed.
    """

    tenant_id: TenantId
    stream_id: StreamId
    from_seq: int
    to_seq: int
    at: datetime


class SealPending(Value, frozen=True):
    """That a stream ended, and waits for the tenant's stream of seals to tell of it.

    `last_leaf` is the leaf of its last event then, `status` how it ended; `at` is when the row was
    written.
    """

    tenant_id: TenantId
    stream_id: StreamId
    kind: StreamKind
    last_seq: int
    last_leaf: bytes
    status: str
    at: datetime


class RecordedEvent(Event, frozen=True):
    """A header with its body; `salt` and `body` are None once the body was erased."""

    salt: bytes | None
    body: bytes | None


class Span(Value, frozen=True):
    """A part of a stream: its events above `after` up to `upto`."""

    stream_id: StreamId
    after: int
    upto: int


SpanRow: TypeAlias = tuple[
    int,
    int,
    UUID,
    UUID,
    int,
    int,
    int,
    int,
    datetime,
    str,
    bytes,
    bytes,
    bytes,
    bytes | None,
    bytes | None,
]
"""An event as those who read very many have it: the place of its span, counted from 1, then its
sequence, event, actor, epoch, fence, control epoch, control revision, time, type, previous leaf,
body hash, leaf, salt and body.
"""


def new_event(ids: Ids, said: Value) -> NewEvent:
    """Return the event that says this. Its type is the Struct's name, its body canonical."""
    return NewEvent(
        event_id=ids.new(),
        type=type(said).__name__,
        salt=ids.token(SALT_BYTES),
        body=canonical(said),
    )


def tenant_stream(tenant: TenantId, kind: StreamKind) -> StreamId:
    """Return the id of the tenant's one stream of this kind: derived, so that nobody looks it up.

    The first 16 bytes of SHA-256 over the tenant's id and the kind, marked as UUID version 8.
    """
    raw = hashlib.sha256(tenant.bytes + kind.value.encode("ascii")).digest()
    return StreamId(derived_id(raw))
