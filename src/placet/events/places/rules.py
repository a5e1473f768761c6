"""What may be appended, whatever the stream holds, and which parent an event names."""

from placet.events.model import NewEvent
from placet.events.places.model import (
    AUTHORITATIVE_TYPES,
    BATCH_MAX,
    BODY_BYTES_MAX,
    OPEN_KINDS,
    TYPE_BYTES_MAX,
    Batch,
    BatchInvalid,
)


def check_batch(batch: Batch) -> None:
    """Refuse `batch_invalid` for a batch that no stream takes."""
    if batch.kind not in OPEN_KINDS:
        raise BatchInvalid(detail=f"a stream of kind `{batch.kind}` is written by its own part")
    if not 0 < len(batch.events) <= BATCH_MAX:
        raise BatchInvalid(detail=f"a batch has 1 to {BATCH_MAX} events")
    if batch.fence is not None and (batch.fence.epoch < 1 or batch.fence.n < 1):
        raise BatchInvalid(detail="both numbers of a fence are at least 1")
    if len({event.event_id for event in batch.events}) < len(batch.events):
        raise BatchInvalid(detail="two events of the batch have the same id")
    for event in batch.events:
        check_event(event)


def check_event(event: NewEvent) -> None:
    """Refuse `batch_invalid` for a type or a body that no open stream takes."""
    if event.type in AUTHORITATIVE_TYPES:
        raise BatchInvalid(detail=f"a `{event.type}` has no place in a stream of kind `run`")
    if not 0 < len(event.type.encode()) <= TYPE_BYTES_MAX or "\x00" in event.type:
        raise BatchInvalid(detail=f"an event's type has 1 to {TYPE_BYTES_MAX} bytes, none of zero")
    if len(event.body) > BODY_BYTES_MAX:
        raise BatchInvalid(detail=f"an event's body has at most {BODY_BYTES_MAX} bytes")
