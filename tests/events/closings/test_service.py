"""The end of a run's stream: nothing follows it, and the seals tell of it."""

import asyncio

import pytest
from tests.events.kept import Store
from tests.events.meeting import code_of, meet
from tests.events.places.scenes import appending

from placet.events.closings.model import Closing, EventClose
from placet.events.closings.service import close
from placet.events.closings.store import find_close
from placet.events.model import StreamId, StreamKind, tenant_stream
from placet.events.places.model import (
    SequenceMoved,
    StreamEnded,
    StreamFence,
    StreamFenced,
    StreamOfAnotherKind,
)
from placet.events.store import list_events
from placet.evidence.log.service import advance
from placet.kernel.refusals import NotFound
from placet.storage.database import Writing


async def closed(store: Store, stream: StreamId, **more: object) -> EventClose:
    async with store.db.writing(store.who) as tx:
        wish = Closing(stream_id=stream, why="done", **more)  # type: ignore[arg-type]  # what a test names
        return await close(tx, wish, store.ids)


async def test_nothing_follows_the_end_of_a_run_but_what_was_there_is_a_duplicate(
    store: Store,
) -> None:
    stream, steps = store.stream(), store.steps(2)
    await store.append(stream, steps)
    made = await closed(store, stream, expected_seq=2)
    assert (made.last_seq, (await store.all(stream))[-1].type) == (3, "StreamClosed")
    with pytest.raises(StreamEnded):
        await store.append(stream, store.steps(1))
    assert (await store.append(stream, steps)).written == 0
    assert len(await store.all(stream)) == 3


async def test_closing_again_answers_what_stands(store: Store) -> None:
    stream = store.stream()
    await store.append(stream, store.steps(1))
    first = await closed(store, stream)
    assert await closed(store, stream, expected_seq=7) == first
    assert len(await store.all(stream)) == 2


async def test_only_a_run_that_is_there_ends_where_and_when_its_writer_may_write(
    store: Store,
) -> None:
    stream = store.stream()
    with pytest.raises(NotFound):
        await closed(store, stream)
    await store.append(stream, store.steps(2), fence=(1, 2))
    with pytest.raises(SequenceMoved):
        await closed(store, stream, expected_seq=1, fence=StreamFence(epoch=1, n=2))
    with pytest.raises(StreamFenced):
        await closed(store, stream, fence=StreamFence(epoch=1, n=1))
    with pytest.raises(StreamOfAnotherKind):
        await closed(store, tenant_stream(store.who.tenant_id, StreamKind.TENANCY))
    async with store.db.reading(store.who) as tx:
        assert await find_close(tx, stream) is None


async def test_the_seals_tell_where_a_run_ended(store: Store) -> None:
    stream = store.stream()
    await store.append(stream, store.steps(2))
    made = await closed(store, stream)
    async with store.db.writing(store.who) as tx:
        assert await advance(tx, store.ids)
    seals = tenant_stream(store.who.tenant_id, StreamKind.SEALS)
    async with store.db.reading(store.who) as tx:
        (told,) = await list_events(tx, seals, after=0, limit=9)
    last = (await store.all(stream))[-1]
    for part in (str(stream), '"kind":"run"', f'"last_seq":{made.last_seq}', last.leaf.hex()):
        assert part.encode() in (told.body or b"")


async def test_a_writer_that_meets_the_end_of_its_run_waits_and_is_refused(store: Store) -> None:
    stream = store.stream()
    await store.append(stream, store.steps(1))

    async def ending(tx: Writing) -> EventClose:
        return await close(tx, Closing(stream_id=stream, why="done"), store.ids)

    met = await meet(store, ending, appending(stream, store.steps(1)))
    assert (met.waited, code_of(met.second)) == (True, "stream_ended")
    again = await meet(store, ending, ending)
    assert again.first == again.second == met.first
    assert len(await store.all(stream)) == 2


async def test_two_who_end_a_run_at_once_end_it_once(store: Store) -> None:
    stream = store.stream()
    await store.append(stream, store.steps(1))
    first, second = await asyncio.gather(closed(store, stream), closed(store, stream))
    assert first == second
    assert [event.type for event in await store.all(stream)] == ["Stepped", "StreamClosed"]
