"""Forking: what a fork begins with, which of them go on, and how a history is read across them."""

import pytest
from msgspec.json import decode
from tests.events.kept import Store

from placet.events.forks.model import DEPTH_MAX, EventFork, ForkTooDeep, StreamForked
from placet.events.forks.service import fork, lineage, list_stretch
from placet.events.forks.store import find_fork, list_forks
from placet.events.model import StreamId, StreamKind, tenant_stream
from placet.events.places.model import ParentUnknown, StreamReadOnly
from placet.events.store import append as append_plainly
from placet.kernel.refusals import NotFound


async def forked(store: Store, origin: StreamId, at_seq: int) -> EventFork:
    async with store.db.writing(store.who) as tx:
        return await fork(tx, origin, at_seq, store.ids)


async def history(store: Store, stream: StreamId) -> list[tuple[StreamId, int]]:
    async with store.db.reading(store.who) as tx:
        return [
            (event.stream_id, event.seq)
            for stretch in await lineage(tx, stream)
            for event in await list_stretch(tx, stretch, after=0, limit=100)
        ]


async def test_a_fork_names_its_origin_in_its_first_event(store: Store) -> None:
    origin = store.stream()
    await store.append(origin, store.steps(3))
    made = await forked(store, origin, 2)
    (first,) = await store.all(made.stream_id)
    assert (first.seq, first.type) == (1, "StreamForked")
    assert decode(first.body or b"", type=StreamForked) == StreamForked(
        origin_stream_id=origin,
        origin_kind=StreamKind.RUN,
        origin_seq=2,
        origin_leaf=(await store.all(origin))[1].leaf.hex(),
        read_only=False,
    )
    async with store.db.reading(store.who) as tx:
        assert await find_fork(tx, made.stream_id) == made
        assert await list_forks(tx, origin, limit=10) == [made]


async def test_a_fork_goes_on_apart_from_its_origin(store: Store) -> None:
    origin = store.stream()
    await store.append(origin, store.steps(3))
    made = await forked(store, origin, 2)
    await store.append(made.stream_id, store.steps(1), expected=1)
    await store.append(origin, store.steps(1), expected=3)
    assert await history(store, made.stream_id) == [
        (origin, 1),
        (origin, 2),
        (made.stream_id, 1),
        (made.stream_id, 2),
    ]
    assert len(await history(store, origin)) == 4


async def test_an_event_may_stem_from_what_stood_before_the_fork_and_nothing_later(
    store: Store,
) -> None:
    origin = store.stream()
    before, later = store.steps(2)
    await store.append(origin, [before, later])
    child = await forked(store, origin, 1)
    grandchild = await forked(store, child.stream_id, 1)
    for stream in (child.stream_id, grandchild.stream_id):
        await store.append(stream, [store.step(9, before.event_id)])
        with pytest.raises(ParentUnknown):
            await store.append(stream, [store.step(9, later.event_id)])


async def test_what_tells_of_authority_is_forked_to_be_read_only(store: Store) -> None:
    origin = tenant_stream(store.who.tenant_id, StreamKind.AUTHORITY)
    async with store.db.writing(store.who) as tx:
        await append_plainly(tx, origin, StreamKind.AUTHORITY, store.steps(2))
    made = await forked(store, origin, 1)
    again = await forked(store, made.stream_id, 1)
    for stream in (made, again):
        assert stream.is_read_only
        with pytest.raises(StreamReadOnly):
            await store.append(stream.stream_id, store.steps(1))
        with pytest.raises(StreamReadOnly):
            await store.append(stream.stream_id, store.steps(1), expected=1, fence=(1, 9))
    assert await history(store, again.stream_id) == [
        (origin, 1),
        (made.stream_id, 1),
        (again.stream_id, 1),
    ]


async def test_there_is_no_fork_of_an_event_that_is_not_there(store: Store) -> None:
    origin = store.stream()
    await store.append(origin, store.steps(1))
    for stream, seq in ((origin, 2), (origin, 0), (store.stream(), 1)):
        with pytest.raises(NotFound):
            await forked(store, stream, seq)


async def test_forks_of_forks_end_somewhere(store: Store) -> None:
    stream = store.stream()
    await store.append(stream, store.steps(1))
    for _ in range(DEPTH_MAX):
        stream = (await forked(store, stream, 1)).stream_id
    with pytest.raises(ForkTooDeep):
        await forked(store, stream, 1)
