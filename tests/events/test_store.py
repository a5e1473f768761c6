"""Appending to a stream on a real database."""

import asyncio
from datetime import UTC, datetime

import pytest

from placet.events.model import GENESIS, RecordedEvent, StreamKind, new_event, tenant_stream
from placet.events.store import append, list_events, list_streams
from placet.evidence.fields import Fence
from placet.evidence.leaf import EventHeader, body_hash, event_leaf
from placet.kernel.hashing import Digest
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.storage.database import Database


class SomethingHappened(Value, frozen=True):
    """Event: for these tests."""

    number: int
    word: str = "größer"


def leaf_in_python(event: RecordedEvent) -> bytes:
    return event_leaf(
        EventHeader(
            tenant_id=event.tenant_id,
            stream_id=event.stream_id,
            event_id=event.event_id,
            actor_id=event.actor_id,
            fence=Fence(epoch=event.epoch, n=event.fence),
            control_epoch=event.control_epoch,
            control_revision=event.control_revision,
            at=event.at.astimezone(UTC),
            seq=event.seq,
            prev=Digest(event.prev),
            body_hash=Digest(event.body_hash),
            type=event.type,
        )
    )


async def test_the_database_and_python_compute_the_same_leaf(
    db: Database, tenant: Principal, ids: Ids
) -> None:
    stream = tenant_stream(tenant.tenant_id, StreamKind.WORKSPACE)
    async with db.writing(tenant) as tx:
        said = [new_event(ids, SomethingHappened(number=n)) for n in range(3)]
        last, at = await append(tx, stream, StreamKind.WORKSPACE, said)
    async with db.reading(tenant) as reading:
        events = await list_events(reading, stream, after=0, limit=10)
        heads = {s.stream_id: s for s in await list_streams(reading)}
    assert last == 3
    assert at.astimezone(UTC) <= datetime.max.replace(tzinfo=UTC)
    assert [event.seq for event in events] == [1, 2, 3]
    assert [event.prev for event in events] == [GENESIS, events[0].leaf, events[1].leaf]
    for event in events:
        assert event.leaf == leaf_in_python(event)
        assert event.salt is not None
        assert event.body is not None
        assert event.body_hash == body_hash(event.salt, event.body)
    assert heads[stream].head == events[-1].leaf
    assert heads[stream].next_seq == 4


async def test_writers_at_the_same_moment_leave_no_gap_and_no_fork(
    db: Database, tenant: Principal, ids: Ids
) -> None:
    stream = tenant_stream(tenant.tenant_id, StreamKind.WORKSPACE)

    async def one(number: int) -> None:
        async with db.writing(tenant) as tx:
            said = [new_event(ids, SomethingHappened(number=number))]
            await append(tx, stream, StreamKind.WORKSPACE, said)

    await asyncio.gather(*(one(n) for n in range(8)))
    async with db.reading(tenant) as reading:
        events = await list_events(reading, stream, after=0, limit=100)
    assert [event.seq for event in events] == list(range(1, 9))
    assert [event.prev for event in events[1:]] == [event.leaf for event in events[:-1]]


async def test_a_transaction_that_is_undone_uses_no_sequence_number(
    db: Database, tenant: Principal, ids: Ids
) -> None:
    stream = tenant_stream(tenant.tenant_id, StreamKind.WORKSPACE)

    async def undone() -> None:
        async with db.writing(tenant) as tx:
            said = [new_event(ids, SomethingHappened(number=1))]
            await append(tx, stream, StreamKind.WORKSPACE, said)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()
    async with db.writing(tenant) as tx:
        said = [new_event(ids, SomethingHappened(number=2))]
        last, _ = await append(tx, stream, StreamKind.WORKSPACE, said)
    assert last == 1
