"""Bodies of a run's stream go too: at once for a person, by age once it was closed."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.audit.erasures.ended import erase, erase_some, stands_in, told
from tests.audit.erasures.test_races import waits_for
from tests.conftest import Server
from tests.events.checkpoints.test_service import SUM
from tests.events.kept import Store
from tests.replay.desk import Desk

from placet.audit.erasures import service
from placet.audit.erasures.model import ErasedBatch, ErasureWhy, StreamOpen
from placet.audit.erasures.service import Erasing
from placet.events.artifacts.model import Subject
from placet.events.artifacts.store import keep_artifact, link_artifact
from placet.events.checkpoints.model import FoldState, StreamFlaw, StreamUnreadable
from placet.events.checkpoints.service import fold_stream, keep, latest_checkpoint
from placet.events.closings.model import Closing
from placet.events.closings.service import close
from placet.events.forks.service import fork
from placet.events.model import StreamId
from placet.events.places.model import EventIdTaken, Position
from placet.evidence.verify import verify_bundle


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


@pytest.fixture
def store(desk: Desk) -> Store:
    """A store of events in the desk's tenant."""
    return Store(desk.db, desk.workplace.founder, desk.ids)


async def run(store: Store, count: int = 4) -> StreamId:
    """Return the stream of a run that said so much."""
    stream = store.stream()
    await store.append(stream, store.steps(count))
    return stream


async def left(store: Store, stream: StreamId) -> list[int]:
    """Return the events of a stream whose bodies are there."""
    return [event.seq for event in await store.all(stream) if event.body is not None]


async def checkpoints(store: Store, stream: StreamId) -> int | None:
    """Return where the latest checkpoint of a stream stands."""
    async with store.db.reading(store.who) as tx:
        found = await latest_checkpoint(tx, stream, SUM.name, SUM.form)
    return None if found is None else found.seq


async def keeping(store: Store, stream: StreamId, seq: int) -> None:
    """Keep a checkpoint, and commit."""
    leaf = (await store.all(stream))[seq - 1].leaf
    async with store.db.writing(store.who) as tx:
        made = FoldState(fold=SUM.name, form=SUM.form, state=b"1")
        await keep(tx, stream, Position(seq=seq, leaf=leaf), made)


def by_age(stream: StreamId) -> Erasing:
    return Erasing(stream_id=stream, why=ErasureWhy.RETENTION, reason="old")


async def test_an_open_run_loses_bodies_on_request_and_goes_on(desk: Desk, store: Store) -> None:
    stream = await run(store)
    assert await erase(desk, stream, [2, 3]) == 2
    assert await left(store, stream) == [1, 4]
    await store.append(stream, store.steps(1), expected=4)
    assert await left(store, stream) == [1, 4, 5]
    assert [event.type for event in await store.all(stream)] == ["Stepped"] * 5
    assert await erase(desk, stream, [2, 3]) == 0
    assert [kind for kind, _ in await told(desk)] == ["BodiesErased"]
    assert await erase(desk, stream) == 3


async def test_a_run_loses_nothing_by_age_before_it_was_closed(desk: Desk, store: Store) -> None:
    stream = await run(store)
    with pytest.raises(StreamOpen):
        async with store.db.writing(store.who) as tx:
            await erase_some(tx, by_age(stream), desk.ids)
    assert await left(store, stream) == [1, 2, 3, 4]
    async with store.db.writing(store.who) as tx:
        await close(tx, Closing(stream_id=stream, why="done"), desk.ids)
    async with store.db.writing(store.who) as tx:
        assert await erase_some(tx, by_age(stream), desk.ids) == 5
    assert await left(store, stream) == []


async def test_states_that_were_folded_of_a_run_go_with_those_of_forks_behind_it(
    desk: Desk, store: Store
) -> None:
    stream = await run(store)
    forks = {}
    for at in (1, 3):
        async with store.db.writing(store.who) as tx:
            forks[at] = (await fork(tx, stream, at, desk.ids)).stream_id
    async with store.db.writing(store.who) as tx:
        further = (await fork(tx, forks[3], 1, desk.ids)).stream_id
    for kept, seq in ((stream, 4), (forks[1], 1), (forks[3], 1), (further, 1)):
        await keeping(store, kept, seq)
    assert await erase(desk, stream, [2]) == 1
    for kept, seq in ((stream, 4), (forks[3], 1), (further, 1)):
        assert await checkpoints(store, kept) is None
        await keeping(store, kept, seq)
        assert await checkpoints(store, kept) is None, "none comes after"
    # What was forked before it holds nothing of it.
    assert await checkpoints(store, forks[1]) == 1
    await store.append(forks[1], store.steps(1))
    await keeping(store, forks[1], 2)
    assert await checkpoints(store, forks[1]) == 2


async def test_a_fold_that_reads_what_was_erased_is_refused_and_another_is_not(
    desk: Desk, store: Store
) -> None:
    stream = await run(store)
    await erase(desk, stream, [2])
    async with store.db.reading(store.who) as tx:
        with pytest.raises(StreamUnreadable) as refused:
            await fold_stream(tx, stream, SUM)
    assert (refused.value.flaw, refused.value.seq) == (StreamFlaw.ERASED, 2)


async def test_an_artifact_of_a_run_goes_with_its_event(
    desk: Desk, store: Store, admin: "asyncpg.Connection[Any]"
) -> None:
    stream, text = await run(store), desk.ids.new().hex
    async with store.db.writing(store.who) as tx:
        digest = await keep_artifact(tx, text.encode())
        subject = Subject(stream_id=stream, seq=2)
        await link_artifact(tx, digest, subject, name=text, media_type="text/plain")
    assert await stands_in(admin, text) == {"event_artifact.content", "event_artifact_link.name"}
    await erase(desk, stream, [1])
    assert await stands_in(admin, text) != set()
    await erase(desk, stream, [2])
    assert await stands_in(admin, text) == set()


async def test_only_the_same_event_under_the_same_salt_is_one_that_was_erased(
    desk: Desk, store: Store
) -> None:
    stream, steps = store.stream(), store.steps(2)
    await store.append(stream, steps)
    await erase(desk, stream)
    assert (await store.append(stream, steps)).written == 0
    with pytest.raises(EventIdTaken):
        await store.append(stream, [store.again(steps[0])])
    assert await left(store, stream) == []


async def test_an_export_of_a_run_holds_what_is_left_and_verifies(desk: Desk, store: Store) -> None:
    stream = await run(store)
    await erase(desk, stream, [2, 4])
    path = f"/api/v1/audit/streams/{stream}/export"
    bundle = await desk.get(path, desk.workplace.founder_key)
    report = verify_bundle(io.BytesIO(bundle.content))
    assert (report.flaw, report.bodies_erased) == (None, 2)


async def test_an_append_that_meets_an_erasure_waits_and_keeps_its_body(
    desk: Desk, store: Store, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = await run(store)
    async with store.db.writing(store.who) as tx:
        whole = Erasing(stream_id=stream, why=ErasureWhy.SUBJECT, reason="asked")
        assert await erase_some(tx, whole, desk.ids) == 4
        late = asyncio.create_task(store.append(stream, store.steps(2)))
        assert await waits_for(admin, tx, late)
    assert (await late).seqs == (5, 6)
    assert await left(store, stream) == [5, 6]


async def test_an_erasure_that_meets_an_append_waits_and_takes_what_it_was_asked_for(
    desk: Desk, store: Store, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = await run(store)
    leaf = (await store.all(stream))[3].leaf
    async with store.db.writing(store.who) as tx:
        # A checkpoint of the stream holds it too.
        made = FoldState(fold=SUM.name, form=SUM.form, state=b"1")
        await keep(tx, stream, Position(seq=4, leaf=leaf), made)
        erasing = asyncio.create_task(erase(desk, stream, [2]))
        assert await waits_for(admin, tx, erasing)
    assert await erasing == 1
    assert (await left(store, stream), await checkpoints(store, stream)) == ([1, 3, 4], None)


async def test_a_checkpoint_of_a_fork_that_meets_an_erasure_in_its_origin_is_not_kept(
    desk: Desk, store: Store, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = await run(store)
    async with store.db.writing(store.who) as tx:
        made = await fork(tx, stream, 3, desk.ids)
    async with store.db.writing(store.who) as tx:
        some = Erasing(stream_id=stream, why=ErasureWhy.SUBJECT, reason="asked", seqs=(2,))
        assert await erase_some(tx, some, desk.ids) == 1
        late = asyncio.create_task(keeping(store, made.stream_id, 1))
        assert await waits_for(admin, tx, late)
    await late
    assert await checkpoints(store, made.stream_id) is None


async def test_two_who_erase_a_run_at_once_erase_each_body_once(
    desk: Desk, store: Store, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = await run(store)
    async with store.db.writing(store.who) as tx:
        some = Erasing(stream_id=stream, why=ErasureWhy.SUBJECT, reason="asked", seqs=(1, 2))
        assert await erase_some(tx, some, desk.ids) == 2
        second = asyncio.create_task(erase(desk, stream, [2, 3]))
        assert await waits_for(admin, tx, second)
    assert await second == 1
    assert await left(store, stream) == [4]
    assert [kind for kind, _ in await told(desk)] == ["BodiesErased"] * 2


@pytest.mark.parametrize(("bound", "most"), [("BODIES_AT_ONCE", 2), ("BYTES_AT_ONCE", 1)])
async def test_batches_are_of_few_bodies_and_few_bytes_and_leave_nothing(
    desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    stream = await run(store)
    monkeypatch.setattr(service, bound, most)
    whole = Erasing(stream_id=stream, why=ErasureWhy.SUBJECT, reason="asked", seqs=(1, 2, 4))
    batches: list[ErasedBatch] = []
    while not batches or not batches[-1].is_last:
        async with store.db.writing(store.who) as tx:
            batches.append(await service.erase_batch(tx, whole, desk.ids))
    assert [batch.bodies for batch in batches] == ([2, 1] if most == 2 else [1, 1, 1])
    assert await left(store, stream) == [3]
    async with store.db.writing(store.who) as tx:
        nothing = await service.erase_batch(tx, whole, desk.ids)
    assert (nothing.bodies, nothing.is_last) == (0, True)
