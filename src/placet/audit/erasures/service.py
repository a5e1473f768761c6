"""Erasing bodies of one stream."""

from collections.abc import Sequence
from typing import Final, NoReturn
from uuid import UUID

from placet.audit.erasures import store
from placet.audit.erasures.model import (
    BODIES_AT_ONCE,
    BYTES_AT_ONCE,
    BodiesErased,
    Erasable,
    ErasedBatch,
    ErasureWhy,
    StreamClass,
    StreamKept,
    StreamOpen,
    StreamUnknown,
)
from placet.events.model import new_event
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.storage.database import Writing
from placet.storage.faults import StateMovedOn

_WHY_OPEN: Final = {
    "open": "it may still be written to",
    "unsettled": "nobody knows yet what became of some of its calls",
}


class Erasing(Value, frozen=True):
    """What is to be erased, and why: without `seqs` every body up to `until` that may go."""

    stream_id: UUID
    why: ErasureWhy
    reason: str
    seqs: tuple[int, ...] | None = None
    until: int = store.SEQ_MAX
    request_id: UUID | None = None


async def hold_erasable(tx: Writing, stream: UUID, why: ErasureWhy) -> StreamClass:
    """Hold a stream of which bodies may go until the transaction ends, and return its class.

    Refuses `stream_unknown`, `stream_kept` where nothing of it is ever erased, and `stream_open`.
    """
    found = await store.hold_erasable(tx, stream, why)
    if found not in set(StreamClass):
        _refuse(found)
    return StreamClass(found)


async def erase_batch(tx: Writing, erasing: Erasing, ids: Ids) -> ErasedBatch:
    """Erase bodies of a stream with every copy of what they say, so many and so much at once.

    Comes last in a transaction. Refuses as `hold_erasable` does.
    """
    kind = await hold_erasable(tx, erasing.stream_id, erasing.why)
    place = Erasable(stream_id=erasing.stream_id, stream_class=kind, seqs=erasing.seqs)
    seqs, is_last = await store.list_batch(
        tx, place, until=erasing.until, most=BODIES_AT_ONCE, size=BYTES_AT_ONCE
    )
    if seqs:
        said = _told(erasing, seqs, ids)
        code = await store.erase(tx, said, seqs, new_event(ids, said))
        if code != "ok":
            _refuse(code)
    return ErasedBatch(bodies=len(seqs), is_last=is_last)


def _told(erasing: Erasing, seqs: Sequence[int], ids: Ids) -> BodiesErased:
    return BodiesErased(
        erasure_id=ids.new(),
        stream_id=erasing.stream_id,
        from_seq=seqs[0],
        to_seq=seqs[-1],
        count=len(seqs),
        why=erasing.why,
        reason=erasing.reason,
        request_id=erasing.request_id,
    )


def _refuse(code: str) -> NoReturn:
    """Refuse what the database function said no to."""
    if code == "unknown":
        raise StreamUnknown(detail="there is no such stream here")
    if code == "kept":
        raise StreamKept(detail="this stream tells who may do what: never erased")
    if why := _WHY_OPEN.get(code):
        raise StreamOpen(detail=f"the stream is not closed: {why}", why=code)
    raise StateMovedOn(detail=f"bodies of the stream went at the same moment ({code})")
