"""Closing the stream of a run."""

from placet.events import store as events
from placet.events.closings import store
from placet.events.closings.model import Closing, EventClose, StreamClosed
from placet.events.model import new_event
from placet.events.places.model import Batch
from placet.events.places.service import append
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound
from placet.storage.database import Writing


async def close(tx: Writing, closing: Closing, ids: Ids) -> EventClose:
    """Append the last event of a run's stream, and let nothing follow. Returns where it ended.

    One that is closed stays as it is. Holds the stream's row until the transaction ends. Refuses
    `not_found` for a stream that is not there, and what `append` refuses.
    """
    stream = closing.stream_id
    await events.hold_stream(tx, stream)
    there = await store.find_close(tx, stream)
    if there is not None:
        return there
    if await events.find_stream(tx, stream) is None:
        raise NotFound(detail="there is no such stream here")
    batch = Batch(
        stream_id=stream,
        events=(new_event(ids, StreamClosed(why=closing.why)),),
        expected_seq=closing.expected_seq,
        fence=closing.fence,
    )
    appended = await append(tx, batch)
    made = EventClose(
        tenant_id=tx.tenant_id,
        stream_id=stream,
        last_seq=appended.position.seq,
        closed_at=appended.at,
    )
    await store.insert_close(tx, made)
    return made
