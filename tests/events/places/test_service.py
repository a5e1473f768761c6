"""Appending in full: what is written once, what is refused, and where a reader stands."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from tests.conftest import Server, Workplace, found
from tests.events.kept import Store
from tests.events.meeting import came_to, waits

from placet.events.model import GENESIS, StreamId, StreamKind, tenant_stream
from placet.events.places.model import (
    Appended,
    Batch,
    BatchInvalid,
    BatchMixed,
    CursorUnknown,
    EventIdTaken,
    ParentUnknown,
    Position,
    SequenceMoved,
    StreamFenced,
    StreamOfAnotherKind,
)
from placet.events.places.service import append
from placet.events.places.store import find_place, list_after, list_children
from placet.events.store import append as append_plainly
from placet.events.store import list_streams
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound
from placet.storage.database import Database

HELD = sa.text(
    "SELECT 1 FROM placet.event_stream WHERE stream_id = :stream FOR NO KEY UPDATE"
).bindparams(sa.bindparam("stream", type_=sa.Uuid))


async def test_a_batch_is_written_in_its_order_behind_what_is_there(store: Store) -> None:
    stream = store.stream()
    first = await store.append(stream, store.steps(2))
    second = await store.append(stream, store.steps(3), expected=2)
    assert (first.seqs, second.seqs) == ((1, 2), (3, 4, 5))
    assert (first.written, second.written) == (2, 3)
    events = await store.all(stream)
    assert [event.prev for event in events] == [GENESIS, *(event.leaf for event in events[:-1])]
    assert second.head == events[-1].leaf
    assert second.at == events[-1].at


async def test_the_same_batch_again_is_answered_with_its_old_numbers(store: Store) -> None:
    stream = store.stream()
    batch = store.steps(2)
    first = await store.append(stream, batch, expected=0)
    await store.append(stream, store.steps(1))
    again = await store.append(stream, [store.again(event) for event in batch], expected=0)
    assert again == replace(first, written=0)
    assert len(await store.all(stream)) == 3


async def test_a_retry_that_has_more_to_say_writes_only_the_rest(store: Store) -> None:
    stream = store.stream()
    batch = store.steps(3)
    await store.append(stream, batch[:2], expected=0)
    grown = await store.append(stream, batch, expected=0)
    assert (grown.seqs, grown.written) == ((1, 2, 3), 1)
    assert [event.event_id for event in await store.all(stream)] == [
        event.event_id for event in batch
    ]


async def test_a_retry_with_more_is_refused_once_another_has_followed(store: Store) -> None:
    stream = store.stream()
    batch = store.steps(3)
    await store.append(stream, batch[:2], expected=0)
    await store.append(stream, store.steps(1))
    with pytest.raises(SequenceMoved) as refused:
        await store.append(stream, batch, expected=0)
    assert (refused.value.expected, refused.value.actual) == (0, 3)
    grown = await store.append(stream, batch)
    assert grown.seqs == (1, 2, 4)


async def test_what_stands_elsewhere_than_expected_is_no_beginning_of_the_batch(
    store: Store,
) -> None:
    stream = store.stream()
    events = store.steps(3)
    await store.append(stream, events[:2])
    # The batch ends where the stream would, but its second event stands before its first.
    with pytest.raises(SequenceMoved):
        await store.append(stream, [events[1], events[0], events[2]], expected=0)


async def test_another_event_under_an_id_that_is_taken_is_a_conflict(store: Store) -> None:
    stream = store.stream()
    (event,) = store.steps(1)
    await store.append(stream, [event])
    for other in (store.other(event), replace(event, type="SomethingElse")):
        with pytest.raises(EventIdTaken) as refused:
            await store.append(stream, [other])
        assert (refused.value.event_id, refused.value.seq) == (event.event_id, 1)
    assert len(await store.all(stream)) == 1


async def test_an_id_is_taken_in_its_own_stream_only(store: Store) -> None:
    one, other = store.stream(), store.stream()
    (event,) = store.steps(1)
    assert (await store.append(one, [event])).written == 1
    assert (await store.append(other, [event])).written == 1


async def test_what_is_there_may_not_stand_behind_what_is_not(store: Store) -> None:
    stream = store.stream()
    there, new = store.steps(2)
    await store.append(stream, [there])
    with pytest.raises(BatchMixed) as refused:
        await store.append(stream, [new, there])
    assert refused.value.event_id == there.event_id
    assert len(await store.all(stream)) == 1


async def test_an_expectation_that_does_not_hold_names_what_does(store: Store) -> None:
    stream = store.stream()
    with pytest.raises(SequenceMoved) as refused:
        await store.append(stream, store.steps(1), expected=4)
    assert (refused.value.expected, refused.value.actual) == (4, 0)
    await store.append(stream, store.steps(2), expected=0)
    with pytest.raises(SequenceMoved) as refused:
        await store.append(stream, store.steps(1), expected=0)
    assert (refused.value.expected, refused.value.actual) == (0, 2)


async def test_a_refused_batch_makes_no_stream(store: Store) -> None:
    stream = store.stream()
    async with store.db.writing(store.who) as tx:
        batch = Batch(stream_id=stream, events=tuple(store.steps(1)), expected_seq=4)
        with pytest.raises(SequenceMoved):
            await append(tx, batch)
        assert stream not in {one.stream_id for one in await list_streams(tx)}


async def test_a_higher_fence_shuts_out_the_lower_ones(store: Store) -> None:
    stream = store.stream()
    await store.append(stream, store.steps(1))
    await store.append(stream, store.steps(1), fence=(1, 7))
    await store.append(stream, store.steps(1), fence=(1, 7))
    for lower in ((1, 6), None):
        with pytest.raises(StreamFenced) as refused:
            await store.append(stream, store.steps(1), fence=lower)
        assert (refused.value.epoch, refused.value.fence) == (1, 7)
    await store.append(stream, store.steps(1), fence=(1, 8))
    pairs = [(event.epoch, event.fence) for event in await store.all(stream)]
    assert pairs == [(1, 0), (1, 7), (1, 7), (1, 8)]


async def test_after_a_restore_no_fence_of_before_writes(
    server: Server, fresh_database_url: str, ids: Ids
) -> None:
    db = await Database.open(fresh_database_url)
    store = Store(db, (await found(db, ids)).founder, ids)
    stream, free = store.stream(), store.stream()
    await store.append(stream, store.steps(1), fence=(1, 7))
    await store.append(free, store.steps(1))
    admin = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path[1:]))
    await admin.execute("UPDATE placet.storage_epoch SET epoch = 2")
    await admin.close()
    for old in ((1, 7), (1, 9), (3, 1), None):
        with pytest.raises(StreamFenced) as refused:
            await store.append(stream, store.steps(1), fence=old)
        assert (refused.value.epoch, refused.value.fence) == (2, 0)
    await store.append(stream, store.steps(1), fence=(2, 1))
    await store.append(free, store.steps(1))
    for one, pair in ((stream, (2, 1)), (free, (2, 0))):
        last = (await store.all(one))[-1]
        assert (last.epoch, last.fence) == pair
    await db.close()


async def test_a_retry_under_a_fence_that_has_passed_gets_its_answer(store: Store) -> None:
    stream = store.stream()
    batch = store.steps(1)
    await store.append(stream, batch, fence=(1, 1))
    await store.append(stream, store.steps(1), fence=(1, 2))
    assert (await store.append(stream, batch, fence=(1, 1))).seqs == (1,)


async def test_a_parent_stands_before_its_child(store: Store) -> None:
    stream = store.stream()
    root = store.step(0)
    child = store.step(1, root.event_id)
    grandchild = store.step(2, child.event_id)
    await store.append(stream, [root])
    await store.append(stream, [child, grandchild])
    async with store.db.reading(store.who) as tx:
        children = await list_children(tx, stream, root.event_id, limit=10)
        place = await find_place(tx, stream, grandchild.event_id)
    assert [(one.event_id, one.seq) for one in children] == [(child.event_id, 2)]
    assert place is not None
    assert (place.seq, place.parent_id) == (3, child.event_id)


async def test_a_parent_that_stands_nowhere_or_later_is_refused(store: Store) -> None:
    stream, elsewhere = store.stream(), store.stream()
    there, later = store.steps(2)
    await store.append(elsewhere, [there])
    for events in (
        [store.step(1, there.event_id)],
        [store.step(1, later.event_id), later],
    ):
        with pytest.raises(ParentUnknown):
            await store.append(stream, events)
    itself = store.step(1)
    with pytest.raises(ParentUnknown):
        await store.append(
            stream, [replace(store.step(1, itself.event_id), event_id=itself.event_id)]
        )


async def test_a_body_that_is_no_document_is_kept_byte_for_byte(store: Store) -> None:
    stream = store.stream()
    bodies = [b"\xff\x00 not json", b"", b'{"parent_event_id":7,"x":1.5e300}', b'"parent_event_id"']
    events = [
        replace(store.step(n), type=f"Of another time {n}", body=body)
        for n, body in enumerate(bodies)
    ]
    await store.append(stream, events)
    kept = await store.all(stream)
    assert [event.body for event in kept] == bodies
    assert [event.type for event in kept] == [event.type for event in events]


async def test_batches_that_no_stream_takes_are_refused(store: Store) -> None:
    stream = store.stream()
    event = store.step(1)
    for events in (
        [],
        [event, store.again(event)],
        [replace(event, type="")],
        [replace(event, type="ä" * 101)],
        [replace(event, type="a\x00b")],
        [replace(event, type="VoteCast")],
        [replace(event, body=bytes(4 * 1024 * 1024 + 1))],
        store.steps(1_001),
    ):
        with pytest.raises(BatchInvalid):
            await store.append(stream, events)


async def test_both_numbers_of_a_fence_begin_at_one(store: Store) -> None:
    for fence in ((1, 0), (0, 1)):
        with pytest.raises(BatchInvalid):
            await store.append(store.stream(), store.steps(1), fence=fence)


async def test_streams_that_tell_of_authority_are_not_appended_to_like_this(store: Store) -> None:
    stream = tenant_stream(store.who.tenant_id, StreamKind.AUTHORITY)
    event = store.step(1)
    async with store.db.writing(store.who) as tx:
        with pytest.raises(BatchInvalid):
            await append(tx, Batch(stream_id=stream, events=(event,), kind=StreamKind.AUTHORITY))
    async with store.db.writing(store.who) as tx:
        await append_plainly(tx, stream, StreamKind.AUTHORITY, [event])
    with pytest.raises(StreamOfAnotherKind):
        await store.append(stream, [event])


async def test_a_run_never_begins_under_the_id_of_a_stream_of_the_tenant(store: Store) -> None:
    for kind in StreamKind:
        with pytest.raises(StreamOfAnotherKind):
            await store.append(tenant_stream(store.who.tenant_id, kind), store.steps(1))


async def test_a_run_is_not_appended_where_a_session_stands(store: Store) -> None:
    stream, event = store.stream(), store.step(1)
    session = sa.text(
        "SELECT io_next_seq FROM placet.event_write_v1(placet.tenant(), :stream, :actor, 1, 1, 0,"
        " 0, ARRAY[:id], ARRAY[:type], ARRAY[:salt], ARRAY[:body], 1, :head, '-infinity')"
    ).bindparams(
        sa.bindparam("stream", stream, sa.Uuid),
        sa.bindparam("actor", store.who.actor_id, sa.Uuid),
        sa.bindparam("id", event.event_id, sa.Uuid),
        sa.bindparam("type", event.type, sa.Text),
        sa.bindparam("salt", event.salt, sa.LargeBinary),
        sa.bindparam("body", event.body, sa.LargeBinary),
        sa.bindparam("head", GENESIS, sa.LargeBinary),
    )
    async with store.db.writing(store.who) as tx:
        await tx.returning(session)
    for expected in (None, 0, 1):
        with pytest.raises(StreamOfAnotherKind):
            await store.append(stream, store.steps(1), expected=expected)
    assert len(await store.all(stream)) == 1


async def test_a_reader_goes_on_where_it_stands(store: Store) -> None:
    stream = store.stream()
    appended = await store.append(stream, store.steps(3))
    async with store.db.reading(store.who) as tx:
        page = await list_after(tx, stream, Position.start(), limit=2)
        here = Position(seq=page[-1].seq, leaf=page[-1].leaf)
        rest = await list_after(tx, stream, here, limit=2)
        end = await list_after(tx, stream, appended.position, limit=2)
    assert [event.seq for event in page] == [1, 2]
    assert [event.seq for event in rest] == [3]
    assert end == []


async def test_a_cursor_that_stands_nowhere_is_refused_and_no_empty_page(store: Store) -> None:
    stream = store.stream()
    appended = await store.append(stream, store.steps(2))
    beyond = Position(seq=3, leaf=appended.head)
    # As after a restore: so many events are there again, and they are others.
    another = Position(seq=2, leaf=bytes(32))
    async with store.db.reading(store.who) as tx:
        for unknown in (beyond, another):
            with pytest.raises(CursorUnknown):
                await list_after(tx, stream, unknown, limit=10)
        with pytest.raises(NotFound):
            await list_after(tx, store.stream(), Position.start(), limit=10)


async def test_a_stream_of_another_tenant_is_not_there(store: Store, workplace: Workplace) -> None:
    del workplace
    stream = store.stream()
    events = store.steps(1)
    appended = await store.append(stream, events)
    stranger = (await found(store.db, store.ids)).founder
    async with store.db.reading(stranger) as tx:
        with pytest.raises(NotFound):
            await list_after(tx, stream, Position.start(), limit=1)
        with pytest.raises(CursorUnknown):
            await list_after(tx, stream, appended.position, limit=1)
        assert await find_place(tx, StreamId(stream), events[0].event_id) is None


async def test_whoever_waits_while_the_epoch_is_raised_writes_in_the_new_one(
    store: Store, server: Server, database_name: str
) -> None:
    admin = await asyncpg.connect(server.admin(database_name))
    stream = store.stream()
    await store.append(stream, store.steps(1))
    pids: asyncio.Queue[int] = asyncio.Queue()

    async def later() -> object:
        async with store.db.writing(store.who) as tx:
            ((pid,),) = await tx.rows(sa.text("SELECT pg_backend_pid()"))
            pids.put_nowait(int(pid))
            return await append(tx, Batch(stream_id=stream, events=(store.step(3),)))

    try:
        async with store.db.writing(store.who) as tx:
            await tx.rows(HELD.bindparams(stream=stream))
            late = asyncio.ensure_future(came_to(later))
            assert await waits(store, await pids.get(), late)
            await admin.execute("UPDATE placet.storage_epoch SET epoch = epoch + 1")
            await append(tx, Batch(stream_id=stream, events=(store.step(2),)))
        assert isinstance(await late, Appended)
    finally:
        await admin.execute("UPDATE placet.storage_epoch SET epoch = epoch - 1")
        await admin.close()
    epochs = [event.epoch for event in await store.all(stream)]
    assert epochs == [epochs[0], epochs[0] + 1, epochs[0] + 1]
