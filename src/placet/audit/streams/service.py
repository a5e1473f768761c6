"""Taking a stream away as a file, and bringing one in."""

from uuid import UUID

from placet.audit.streams.model import (
    ImportAnswer,
    ImportRefused,
    StreamExported,
    StreamFile,
    StreamImported,
)
from placet.events import store as events
from placet.events.closings.model import EventClose, StreamClosed
from placet.events.closings.store import insert_close
from placet.events.model import NewEvent, StreamId, StreamKind, new_event, tenant_stream
from placet.events.places.model import BATCH_MAX, Batch, BatchInvalid
from placet.events.places.rules import check_event
from placet.events.places.service import append
from placet.evidence.bundle import StreamHead
from placet.kernel.ids import Ids
from placet.replay.export import service as export
from placet.storage.database import Writing


async def begin_export(tx: Writing, stream_id: UUID, ids: Ids) -> StreamHead:
    """Tell of an export, and return how far it goes. Refuses `not_found`."""
    found = await events.find_stream(tx, StreamId(stream_id))
    if found is None:
        (head,) = await export.session_heads(tx, stream_id)
    else:
        head = export.head_of(found)
    said = StreamExported(stream_id=stream_id, kind=head.kind, last_seq=head.head_seq)
    tenancy = tenant_stream(tx.tenant_id, StreamKind.TENANCY)
    await events.append(tx, tenancy, StreamKind.TENANCY, [new_event(ids, said)])
    return head


async def import_stream(tx: Writing, file: StreamFile, ids: Ids) -> ImportAnswer:
    """Make a stream of a run out of a file that holds together. Refuses `import_refused`.

    A run that was closed is closed here too.
    """
    stream = StreamId(ids.new())
    said = StreamImported(
        origin_tenant_id=file.tenant_id,
        origin_stream_id=file.stream.stream_id,
        origin_seq=file.stream.head_seq,
        origin_leaf=file.stream.head_leaf,
        events=len(file.events),
        sha256=file.sha256,
    )
    brought = [new_event(ids, said)] + [
        NewEvent(event_id=one.event_id, type=one.type, salt=one.salt, body=one.body)
        for one in file.events
    ]
    for line, one in enumerate(brought[1:], 2):
        try:
            check_event(one)
        except BatchInvalid as fault:
            raise ImportRefused(detail=f"line {line}: {fault.detail}", line=line) from fault
    appended = None
    for begin in range(0, len(brought), BATCH_MAX):
        some = tuple(brought[begin : begin + BATCH_MAX])
        appended = await append(tx, Batch(stream_id=stream, events=some, expected_seq=begin))
    assert appended is not None, "the first event is ours"  # noqa: S101 -- one batch at least
    if brought[-1].type == StreamClosed.__name__:
        ended = EventClose(
            tenant_id=tx.tenant_id,
            stream_id=stream,
            last_seq=appended.position.seq,
            closed_at=appended.at,
        )
        await insert_close(tx, ended)
    return ImportAnswer(stream_id=stream, events=len(file.events), head=appended.head.hex())
