"""Fold checkpoints: kept with their batch, verified before use, and never needed."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest
from tests.conftest import Server, found
from tests.events.kept import Stepped, Store

from placet.events.checkpoints.model import (
    CHECKPOINTS_KEPT,
    STATE_BYTES_MAX,
    Fold,
    FoldState,
    StateTooLarge,
    StreamFlaw,
    StreamUnreadable,
)
from placet.events.checkpoints.service import (
    append_folded,
    fold_stream,
    keep,
    latest_checkpoint,
    state_of,
)
from placet.events.checkpoints.store import drop_checkpoints, list_checkpoints
from placet.events.model import StreamId
from placet.events.places.model import Appended, Batch, SequenceMoved
from placet.kernel.ids import Ids
from placet.storage.database import Database

READ: list[int] = []


def added(total: int, event_type: str, body: bytes) -> int:
    assert event_type == "Stepped"
    number = msgspec.json.decode(body, type=Stepped).number
    READ.append(number)
    return total + number


SUM = Fold(
    name="sum",
    form=1,
    initial=0,
    step=added,
    encode=lambda total: str(total).encode(),
    decode=int,
)


async def told(store: Store, stream: StreamId, state: int, *numbers: int) -> Appended:
    """Append these numbers and keep what they sum up to by now."""
    batch = Batch(stream_id=stream, events=tuple(map(store.step, numbers)))
    async with store.db.writing(store.who) as tx:
        return await append_folded(tx, batch, state_of(SUM, state))


async def summed(store: Store, stream: StreamId, until: int | None = None) -> tuple[int, list[int]]:
    """Return what the stream's numbers sum up to, and those that had to be read."""
    READ.clear()
    async with store.db.reading(store.who) as tx:
        folded = await fold_stream(tx, stream, SUM, until=until)
    return folded.state, list(READ)


@pytest.fixture
async def own(fresh_database_url: str, ids: Ids) -> AsyncIterator[Store]:
    """A store in a database of its own, which an admin may damage."""
    db = await Database.open(fresh_database_url)
    yield Store(db, (await found(db, ids)).founder, ids)
    await db.close()


async def damage(server: Server, url: str, *statements: str) -> None:
    admin = await asyncpg.connect(server.admin(urlsplit(url).path[1:]))
    for table in ("event", "event_body"):
        await admin.execute(f"ALTER TABLE placet.{table} DISABLE TRIGGER ALL")
    for statement in statements:
        await admin.execute(statement)
    await admin.close()


async def test_a_fold_begins_at_the_latest_checkpoint(store: Store) -> None:
    stream = store.stream()
    await told(store, stream, 3, 1, 2)
    await told(store, stream, 6, 3)
    await store.append(stream, [store.step(4)])
    assert await summed(store, stream) == (10, [4])
    assert await summed(store, stream, until=2) == (3, [])
    assert await summed(store, stream, until=1) == (1, [1])


async def test_a_checkpoint_of_a_batch_that_is_refused_is_not_kept(store: Store) -> None:
    stream = store.stream()
    async with store.db.writing(store.who) as tx:
        batch = Batch(stream_id=stream, events=(store.step(1),), expected_seq=7)
        with pytest.raises(SequenceMoved):
            await append_folded(tx, batch, state_of(SUM, 1))
        assert await latest_checkpoint(tx, stream, "sum", 1) is None


async def test_a_retry_keeps_no_checkpoint_where_the_stream_has_gone_on(store: Store) -> None:
    stream = store.stream()
    events = (store.step(1),)
    async with store.db.writing(store.who) as tx:
        await append_folded(tx, Batch(stream_id=stream, events=events), state_of(SUM, 1))
        await drop_checkpoints(tx, stream)
        again = await append_folded(tx, Batch(stream_id=stream, events=events), state_of(SUM, 99))
        assert again.written == 0
        assert await latest_checkpoint(tx, stream, "sum", 1) is None


@pytest.mark.parametrize(
    "change",
    [
        "state = '7'",
        "head = sha256('x')",
        "digest = sha256('x')",
        "form = 2",
        "fold = 'sum', seq = 3",
    ],
)
async def test_a_checkpoint_that_was_changed_is_passed_over(
    server: Server, fresh_database_url: str, own: Store, change: str
) -> None:
    stream = own.stream()
    await told(own, stream, 1, 1)
    await told(own, stream, 3, 2)
    await own.append(stream, [own.step(3)])
    update = f"UPDATE placet.event_fold_checkpoint SET {change}"  # noqa: S608 -- named above
    await damage(server, fresh_database_url, f"{update} WHERE seq = 2")
    assert await summed(own, stream) == (6, [2, 3])
    if "seq" not in change:
        await damage(server, fresh_database_url, update)
        assert await summed(own, stream) == (6, [1, 2, 3])


async def test_a_checkpoint_of_another_history_is_passed_over(store: Store) -> None:
    stream, other = store.stream(), store.stream()
    await store.append(stream, [store.step(1)])
    elsewhere = await store.append(other, [store.step(9)])
    async with store.db.writing(store.who) as tx:
        await keep(tx, stream, elsewhere.position, state_of(SUM, 9))
        assert len(await list_checkpoints(tx, stream, "sum", until=9, limit=9)) == 1
    assert await summed(store, stream) == (1, [1])


async def test_a_fold_of_another_form_or_name_begins_anew(store: Store) -> None:
    stream = store.stream()
    await told(store, stream, 1, 1)
    async with store.db.reading(store.who) as tx:
        assert await latest_checkpoint(tx, stream, "sum", 1) is not None
        assert await latest_checkpoint(tx, stream, "sum", 2) is None
        assert await latest_checkpoint(tx, stream, "count", 1) is None


async def test_old_checkpoints_make_room(store: Store) -> None:
    stream = store.stream()
    for number in range(CHECKPOINTS_KEPT + 3):
        await told(store, stream, number, number)
    async with store.db.writing(store.who) as tx:
        kept = await list_checkpoints(tx, stream, "sum", until=100, limit=100)
        assert [one.seq for one in kept] == list(range(CHECKPOINTS_KEPT + 3, 3, -1))
        assert await drop_checkpoints(tx, stream) == CHECKPOINTS_KEPT
        assert await list_checkpoints(tx, stream, "sum", until=100, limit=100) == []


async def test_a_state_that_is_too_large_takes_its_batch_with_it(store: Store) -> None:
    stream = store.stream()
    state = FoldState(fold="sum", form=1, state=bytes(STATE_BYTES_MAX + 1))

    async def tried() -> None:
        async with store.db.writing(store.who) as tx:
            await append_folded(tx, Batch(stream_id=stream, events=(store.step(1),)), state)

    with pytest.raises(StateTooLarge):
        await tried()
    assert await store.all(stream) == []


@pytest.mark.parametrize(
    ("statement", "flaw"),
    [
        ("DELETE FROM placet.event_body WHERE seq = 2", StreamFlaw.ERASED),
        ("DELETE FROM placet.event WHERE seq = 2", StreamFlaw.MISSING),
        ("UPDATE placet.event SET prev = sha256('x') WHERE seq = 2", StreamFlaw.UNLINKED),
    ],
)
async def test_what_cannot_be_told_is_named(
    server: Server, fresh_database_url: str, own: Store, statement: str, flaw: StreamFlaw
) -> None:
    stream = own.stream()
    await own.append(stream, [own.step(1), own.step(2), own.step(3)])
    await damage(server, fresh_database_url, f"{statement} AND stream_id = '{stream}'")
    with pytest.raises(StreamUnreadable) as refused:
        await summed(own, stream)
    assert (refused.value.flaw, refused.value.seq) == (flaw, 2)
