"""Appending a batch: written, there already, or refused with what is in the way."""

from typing import Final, NoReturn
from uuid import UUID

from placet.events.model import StreamKind, tenant_stream
from placet.events.places import store
from placet.events.places.model import (
    Appended,
    Batch,
    BatchMixed,
    EventIdTaken,
    ParentUnknown,
    Placed,
    SequenceMoved,
    StreamEnded,
    StreamFenced,
    StreamOfAnotherKind,
    StreamReadOnly,
    parent_of,
)
from placet.events.places.rules import check_batch
from placet.storage.database import Writing

NIL: Final = UUID(int=0)


async def append(tx: Writing, batch: Batch) -> Appended:
    """Append a batch to its stream, making that if it is new; the same again changes nothing.

    Holds the stream's row until the transaction ends, so append last. Refuses `batch_invalid`,
    `sequence_moved`, `event_id_taken`, `batch_mixed`, `stream_fenced`, `stream_read_only`,
    `stream_ended`, `stream_of_another_kind` and `parent_unknown`, and then has written nothing.
    """
    check_batch(batch)
    # The tenant's own streams may not be there yet: their ids are derived.
    if batch.stream_id in {tenant_stream(tx.tenant_id, kind) for kind in StreamKind}:
        raise _of_another_kind(batch)
    placed = await store.place_batch(tx, batch, [parent_of(one.body) for one in batch.events])
    if placed.at is None:
        _refuse(batch, placed, placed.told or NIL)
    return Appended(seqs=tuple(placed.seqs), written=placed.written, head=placed.head, at=placed.at)


def _refuse(batch: Batch, placed: Placed, event_id: UUID) -> NoReturn:
    match placed.code:
        case "moved":
            expected = batch.expected_seq or 0
            raise SequenceMoved(
                detail=f"the stream ends at {placed.stands_at}, and not at {expected} as expected",
                expected=expected,
                actual=placed.stands_at,
            )
        case "taken":
            raise EventIdTaken(
                detail=f"the event {event_id} says something else, at {placed.stands_at}",
                event_id=event_id,
                seq=placed.stands_at,
            )
        case "mixed":
            raise BatchMixed(
                detail=f"the event {event_id} is there, and one before it is not",
                event_id=event_id,
            )
        case "fenced":
            raise StreamFenced(
                detail=f"the stream's fence is {placed.epoch}.{placed.fence}",
                epoch=placed.epoch,
                fence=placed.fence,
            )
        case "parent_unknown":
            raise ParentUnknown(
                detail=f"the parent {event_id} stands nowhere before", parent_id=event_id
            )
        case "read_only":
            raise StreamReadOnly(detail="this stream is a fork to read from")
        case "closed":
            raise StreamEnded(detail="this stream was closed")
        case _:
            raise _of_another_kind(batch)


def _of_another_kind(batch: Batch) -> StreamOfAnotherKind:
    return StreamOfAnotherKind(detail=f"this is no stream of kind `{batch.kind}`")
