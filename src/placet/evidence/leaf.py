"""The hash of an event, as the database computes it (`event_leaf_v1`).

A leaf covers the event's header, the hash of its body and the leaf before it. All fields but the
type have a fixed width, and the type stands last behind its length, so that no two headers give
the same bytes.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from placet.evidence.fields import Fence
from placet.kernel.hashing import DIGEST_BYTES, Digest, plain_sha256, purpose
from placet.kernel.value import Value

GENESIS: Final = Digest(bytes(DIGEST_BYTES))
"""What stands for the leaf before the first event of a stream."""

SALT_BYTES: Final = 16
TYPE_BYTES_MAX: Final = 200
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_EVENT: Final = purpose("event")
_BODY: Final = purpose("event_body")
_FIXED: Final = struct.Struct(">16s16s16s16sqqqqqq32s32sh")


class EventHeader(Value, frozen=True):
    """Everything of an event that its leaf covers, but for what the body hash stands for.

    `at` is the database's time, `seq` counts the stream's events from 1, `prev` is the leaf of the
    event before or 32 zero bytes, `fence` the session's fence when the event was written, and the
    control numbers are those after the change that the event tells of.
    """

    tenant_id: UUID
    stream_id: UUID
    event_id: UUID
    actor_id: UUID
    fence: Fence
    control_epoch: int
    control_revision: int
    at: datetime
    seq: int
    prev: Digest
    body_hash: Digest
    type: str


def event_leaf(header: EventHeader) -> Digest:
    """Return the leaf of an event. Raises `ValueError` for a header that no event can have."""
    return leaf_of(
        (header.tenant_id.bytes, header.stream_id.bytes),
        (header.event_id.bytes, header.actor_id.bytes),
        (header.fence.epoch, header.fence.n, header.control_epoch, header.control_revision),
        (microseconds(header.at), header.seq),
        (header.prev, header.body_hash),
        header.type.encode(),
    )


def leaf_of(  # noqa: PLR0913, PLR0917 -- the groups of the layout, in its order
    place: tuple[bytes, bytes],
    ids: tuple[bytes, bytes],
    counters: tuple[int, int, int, int],
    position: tuple[int, int],
    hashes: tuple[bytes, bytes],
    event_type: bytes,
) -> Digest:
    """Return the leaf from the header's values: the layout itself, for those who have no Struct.

    In order: tenant and stream, event and actor (16 bytes each); fence epoch, fence, control
    epoch, control revision; microseconds since 2000 and sequence; previous leaf and body hash (32
    bytes each); the type in UTF-8. Raises `ValueError` where a value does not fit its field.
    """
    if not 0 < len(event_type) <= TYPE_BYTES_MAX:
        message = f"an event's type has 1 to {TYPE_BYTES_MAX} bytes"
        raise ValueError(message)
    prev, body = hashes
    if len(prev) != DIGEST_BYTES or len(body) != DIGEST_BYTES:
        message = f"a hash has {DIGEST_BYTES} bytes"
        raise ValueError(message)
    try:
        fixed = _FIXED.pack(*place, *ids, *counters, *position, prev, body, len(event_type))
    except struct.error as fault:
        message = "a number of the header does not fit eight bytes"
        raise ValueError(message) from fault
    return plain_sha256(_EVENT + fixed + event_type)


def body_hash(salt: bytes, body: bytes) -> Digest:
    """Return the hash of an event's body: salt first, so that a short body cannot be guessed.

    `salt` is 16 random bytes, else `ValueError`; `body` is the canonical form of the body.
    """
    if len(salt) != SALT_BYTES:
        message = f"a salt has {SALT_BYTES} bytes"
        raise ValueError(message)
    return plain_sha256(_BODY + salt + body)


def microseconds(at: datetime) -> int:
    """Return whole microseconds since 2000-01-01 UTC, as Postgres sends a `timestamptz`."""
    return (at - _EPOCH) // _MICROSECOND


def moment(time: int) -> datetime:
    """Return the time that so many microseconds after 2000-01-01 UTC are."""
    return _EPOCH + time * _MICROSECOND
