"""Forking a stream, and reading a history across its forks."""

from placet.events import store as events
from placet.events.forks import store
from placet.events.forks.model import DEPTH_MAX, EventFork, ForkTooDeep, StreamForked, Stretch
from placet.events.model import RecordedEvent, StreamId, StreamKind, new_event
from placet.events.places.model import OPEN_KINDS, Batch
from placet.events.places.service import append
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing


async def fork(tx: Writing, origin: StreamId, at_seq: int, ids: Ids) -> EventFork:
    """Return a new stream of a run that begins where `origin` stood at an event.

    One of a run may be appended to. One of anything else, or of a fork that is read-only, is
    read-only. Refuses `not_found` where no such event stands, `fork_too_deep`.
    """
    leaf = await events.find_leaf(tx, origin, at_seq)
    if leaf is None:
        raise NotFound(detail="there is no such event here")
    stream = await events.find_stream(tx, origin)
    # A session keeps its head in its own row, so it has none here.
    kind = StreamKind.SESSION if stream is None else stream.kind
    before = await store.find_fork(tx, origin)
    depth = 1 if before is None else before.depth + 1
    if depth > DEPTH_MAX:
        raise ForkTooDeep(detail=f"a stream is at most {DEPTH_MAX} forks deep", depth=depth)
    is_read_only = kind not in OPEN_KINDS or (before is not None and before.is_read_only)
    said = StreamForked(
        origin_stream_id=origin,
        origin_kind=kind,
        origin_seq=at_seq,
        origin_leaf=leaf.hex(),
        read_only=is_read_only,
    )
    batch = Batch(stream_id=StreamId(ids.new()), events=(new_event(ids, said),), expected_seq=0)
    appended = await append(tx, batch)
    made = EventFork(
        tenant_id=tx.tenant_id,
        stream_id=batch.stream_id,
        origin_id=origin,
        origin_seq=at_seq,
        origin_leaf=leaf,
        depth=depth,
        is_read_only=is_read_only,
        forked_at=appended.at,
    )
    await store.insert_fork(tx, made)
    return made


async def lineage(tx: Reading, stream: StreamId) -> list[Stretch]:
    """Return the stretches that a stream's history is made of, from its first origin on."""
    line = [Stretch(stream_id=stream, until=None)]
    while (found := await store.find_fork(tx, line[0].stream_id)) is not None:
        line.insert(0, Stretch(stream_id=found.origin_id, until=found.origin_seq))
    return line


async def list_stretch(
    tx: Reading, stretch: Stretch, *, after: int, limit: int
) -> list[RecordedEvent]:
    """Return up to `limit` events of a stretch with a sequence above `after`, in order."""
    room = limit if stretch.until is None else min(limit, max(stretch.until - after, 0))
    return await events.list_events(tx, stretch.stream_id, after=after, limit=room)
