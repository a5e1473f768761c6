"""Events read by the page, of many streams: the same bytes as one by one, and nothing held open."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.conftest import Server

from placet.events import store as events
from placet.events.model import (
    NewEvent,
    RecordedEvent,
    Span,
    SpanRow,
    StreamId,
    StreamKind,
    new_event,
)
from placet.evidence.bundle import EventLine, StreamHead
from placet.evidence.export import event_line, event_lines
from placet.evidence.leaf import microseconds, moment
from placet.kernel.canonical import canonical
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.replay.export import pages
from placet.storage.database import Database, Reading

SIZES = (1, 700, 20, 0, 5_000, 3)
STREAMS = (1, 5, 12, 2)
COUNTS = st.integers(0, 2**53 - 1)
HASHES = st.binary(min_size=32, max_size=32)
ROWS = st.lists(
    st.tuples(
        st.integers(1, 3),
        COUNTS,
        st.uuids(),
        st.uuids(),
        COUNTS,
        COUNTS,
        COUNTS,
        COUNTS,
        st.integers(0, 2**53 - 1).map(moment),
        st.text(min_size=1, max_size=50),
        HASHES,
        HASHES,
        HASHES,
        st.none() | st.binary(max_size=16),
        st.none() | st.binary(max_size=200),
    ),
    max_size=5,
)
READ = """
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS read FROM pg_stat_xact_user_tables
WHERE schemaname = 'placet' AND relname IN ('event', 'event_body')
"""
FILL = """
SELECT placet.event_append_v1(
    uuidv7(), 'run', $1,
    ARRAY(SELECT uuidv7() FROM generate_series(1, $2)),
    ARRAY(SELECT 'Stepped' FROM generate_series(1, $2)),
    ARRAY(SELECT uuid_send(gen_random_uuid()) FROM generate_series(1, $2)),
    ARRAY(SELECT convert_to('{}', 'UTF8') FROM generate_series(1, $2)))
"""


class Said(Value, frozen=True):
    """Event: for these tests."""

    words: str


async def filled(db: Database, who: Principal, ids: Ids) -> list[StreamHead]:
    """Write streams of a few events with bodies of many sizes, and return their heads."""
    for number in STREAMS:
        stream = StreamId(ids.new())
        said: list[NewEvent] = [
            new_event(ids, Said(words="ö" * SIZES[n % len(SIZES)])) for n in range(number)
        ]
        async with db.writing(who) as tx:
            await events.append(tx, stream, StreamKind.RUN, said)
    async with db.reading(who) as tx:
        return [
            StreamHead(
                stream_id=one.stream_id,
                kind=one.kind.value,
                head_seq=one.next_seq - 1,
                head_leaf=one.head.hex(),
            )
            for one in await events.list_streams(tx)
        ]


def in_full(event: RecordedEvent) -> bytes:
    """Return the line of an event as its Struct says it is written."""
    return canonical(line_of(event)) + b"\n"


def line_of(event: RecordedEvent) -> EventLine:
    return EventLine(
        tenant_id=str(event.tenant_id),
        stream_id=str(event.stream_id),
        event_id=str(event.event_id),
        actor_id=str(event.actor_id),
        epoch=event.epoch,
        fence=event.fence,
        control_epoch=event.control_epoch,
        control_revision=event.control_revision,
        time=microseconds(event.at),
        seq=event.seq,
        prev=event.prev.hex(),
        body_hash=event.body_hash.hex(),
        type=event.type,
        leaf=event.leaf.hex(),
        salt=event.salt,
        body=event.body,
    )


async def one_by_one(db: Database, who: Principal, heads: Sequence[StreamHead]) -> bytes:
    found = b""
    for head in heads:
        async with db.reading(who) as tx:
            whole = await events.list_events(
                tx, StreamId(head.stream_id), after=0, limit=head.head_seq
            )
        found += b"".join(in_full(event) for event in whole)
    return found


async def by_the_page(db: Database, who: Principal, heads: Sequence[StreamHead]) -> list[bytes]:
    return [lines.data async for lines in pages.read_lines(db, who, heads)]


@given(rows=ROWS)
def test_lines_that_are_made_together_are_the_lines_that_the_form_says(
    rows: list[SpanRow],
) -> None:
    tenant, streams = UUID(int=7), [UUID(int=n) for n in range(3)]
    recorded = [
        RecordedEvent(
            tenant_id=tenant,  # type: ignore[arg-type]  # any UUID will do
            stream_id=StreamId(streams[row[0] - 1]),
            seq=row[1],
            event_id=row[2],
            actor_id=row[3],  # type: ignore[arg-type]  # as above
            epoch=row[4],
            fence=row[5],
            control_epoch=row[6],
            control_revision=row[7],
            at=row[8],
            type=row[9],
            prev=row[10],
            body_hash=row[11],
            leaf=row[12],
            salt=row[13],
            body=row[14],
        )
        for row in rows
    ]
    whole = b"".join(map(in_full, recorded))
    assert event_lines(tenant, streams, rows) == whole == b"".join(map(event_line, recorded))


@pytest.mark.parametrize(("page", "page_bytes"), [(1, 10**6), (3, 10**6), (7, 900), (10**4, 1)])
async def test_what_is_read_by_the_page_is_what_stands_there_one_by_one(  # noqa: PLR0913, PLR0917 -- fixtures
    db: Database,
    tenant: Principal,
    ids: Ids,
    monkeypatch: pytest.MonkeyPatch,
    page: int,
    page_bytes: int,
) -> None:
    monkeypatch.setattr(pages, "PAGE", page)
    monkeypatch.setattr(pages, "PAGE_BYTES", page_bytes)
    heads = await filled(db, tenant, ids)
    found = await by_the_page(db, tenant, heads)
    assert b"".join(found) == await one_by_one(db, tenant, heads)


async def test_a_stream_is_taken_up_to_its_head_and_no_further(
    db: Database, tenant: Principal, ids: Ids
) -> None:
    heads = [head for head in await filled(db, tenant, ids) if head.head_seq > 2]
    cut = [structs.replace(head, head_seq=2) for head in heads]
    found = b"".join(await by_the_page(db, tenant, cut))
    assert found == await one_by_one(db, tenant, cut)
    assert found.count(b"\n") == 2 * len(cut)


async def test_events_that_are_not_there_are_left_out_and_the_rest_follows(
    db: Database, tenant: Principal, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 4)
    heads = await filled(db, tenant, ids)
    more = [structs.replace(head, head_seq=head.head_seq + 9) for head in heads]
    found = await by_the_page(db, tenant, more)
    assert b"".join(found) == await one_by_one(db, tenant, heads)


async def test_pieces_are_no_larger_than_what_waits_for_a_reader_and_one_line(
    db: Database, tenant: Principal, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = await filled(db, tenant, ids)
    monkeypatch.setattr(pages, "PIECE_BYTES", 5_000)
    for piece in await by_the_page(db, tenant, heads):
        *before, last = piece.splitlines()
        assert sum(len(line) for line in before) <= 5_000, len(last)


async def test_a_page_ends_behind_the_body_that_fills_it(
    db: Database, tenant: Principal, ids: Ids
) -> None:
    heads = await filled(db, tenant, ids)
    spans = [
        Span(stream_id=StreamId(head.stream_id), after=0, upto=head.head_seq) for head in heads
    ]
    async with db.reading(tenant) as tx:
        whole = await events.list_spans(tx, spans, bytes_max=10**6)
        sizes = [len(row[-1] or b"") for row in whole]
        for most in (1, 100, sum(sizes[:3]), 2_000, sum(sizes)):
            rows = await events.list_spans(tx, spans, bytes_max=most)
            assert rows == whole[: len(rows)]
            assert sum(sizes[: len(rows) - 1]) < most <= sum(sizes[: len(rows)])
    assert [row[:2] for row in whole] == sorted(row[:2] for row in whole)


async def read_by(tx: Reading) -> int:
    (row,) = await tx.records(READ)
    return int(row["read"])


async def test_a_page_reads_its_events_and_no_others_whatever_the_planner_knows(
    db: Database, tenant: Principal, server: Server, database_name: str
) -> None:
    admin = await asyncpg.connect(server.admin(database_name))
    try:
        await admin.execute(f"SET placet.tenant = '{tenant.tenant_id}'")
        for _ in range(30):
            await admin.execute(FILL, tenant.actor_id, 100)
    finally:
        await admin.close()
    async with db.reading(tenant) as tx:
        streams = [one for one in await events.list_streams(tx) if one.kind is StreamKind.RUN]
    for spans in (
        [Span(stream_id=streams[3].stream_id, after=40, upto=90)],
        [Span(stream_id=one.stream_id, after=90, upto=100) for one in streams[:5]],
    ):
        async with db.reading(tenant) as tx:
            before = await read_by(tx)
            assert len(await events.list_spans(tx, spans, bytes_max=10**6)) == 50
            assert await read_by(tx) - before <= 2 * 50 + 2 * len(spans)


async def test_one_page_is_read_ahead_and_nothing_is_held_open_meanwhile(
    db: Database, tenant: Principal, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    heads = await filled(db, tenant, ids)
    asked: list[int] = []
    real = events.list_spans

    async def counted(tx: Reading, spans: Sequence[Span], *, bytes_max: int) -> list[SpanRow]:
        asked.append(len(spans))
        return await real(tx, spans, bytes_max=bytes_max)

    monkeypatch.setattr(events, "list_spans", counted)
    lines = pages.read_lines(db, tenant, heads)
    await anext(lines)
    others = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    await asyncio.wait([task for task in others if "next" in repr(task.get_coro())])
    assert len(asked) == 2
    async with db.writing(tenant) as tx:
        (row,) = await tx.records(
            "SELECT count(*) AS open FROM pg_stat_activity WHERE usename = current_user"
            " AND datname = current_database() AND state LIKE 'idle in transaction%'"
        )
    assert row["open"] == 0
    await lines.aclose()
    assert len(asked) == 2


async def test_whoever_stops_taking_lines_leaves_nothing_running(
    db: Database, tenant: Principal, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    heads = await filled(db, tenant, ids)
    before = asyncio.all_tasks()
    lines = pages.read_lines(db, tenant, heads)
    await anext(lines)
    await lines.aclose()
    assert asyncio.all_tasks() <= before
    assert b"".join(await by_the_page(db, tenant, heads)) == await one_by_one(db, tenant, heads)


async def test_a_database_that_goes_away_breaks_off_and_is_asked_again_afterwards(  # noqa: PLR0913, PLR0917 -- fixtures
    db: Database,
    database_url: str,
    database_name: str,
    server: Server,
    tenant: Principal,
    ids: Ids,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    heads = await filled(db, tenant, ids)
    name = f"exports-{ids.new().hex}"
    named = f"{database_url}{'&' if urlsplit(database_url).query else '?'}application_name={name}"
    own = await Database.open(named, pool_size=1)
    admin = await asyncpg.connect(server.admin(database_name))
    try:
        lines = pages.read_lines(own, tenant, heads)
        await anext(lines)
        gone = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        assert await admin.fetchval(f"{gone} WHERE application_name = $1", name) > 0
        with pytest.raises(GovernanceUnavailable):
            _ = [each async for each in lines]
        found: list[bytes] = []
        while not found:
            # Each connection in hand is found dead once.
            with suppress(GovernanceUnavailable):
                found = await by_the_page(own, tenant, heads)
        assert b"".join(found) == await one_by_one(db, tenant, heads)
    finally:
        await admin.close()
        await own.close()
