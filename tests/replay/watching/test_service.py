"""Following a session: what a stream is sent, when it is woken and when it ends."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from litestar import Litestar
from tests.replay.desk import Desk, Worker

from placet.replay.watching import service
from placet.replay.watching.model import PAGE, WATCHERS_OF_TENANT_MAX, TooManyWatchers
from placet.replay.watching.rules import HEARTBEAT, RETRY
from placet.replay.watching.service import SessionWatches, follow
from placet.tenancy import service as tenancy
from placet.tenancy.model import ApiKeyId, ParsedKey
from placet.tenancy.rules import parse_key

SECONDS_MAX = 60.0


@pytest.fixture
def watches(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> SessionWatches:
    """What the service keeps, with a short second."""
    monkeypatch.setattr(service, "TICK_SECONDS", 0.02)
    found = app.state[SessionWatches.__name__]
    assert isinstance(found, SessionWatches)
    return found


def key_of(text: str) -> ParsedKey:
    key = parse_key(text)
    assert key is not None
    return key


def stream(
    watches: SessionWatches, worker: Worker, after: int = 0, key: str | None = None
) -> AsyncGenerator[bytes, None]:
    parsed = key_of(key or worker.desk.runtime_key)
    place = watches.take(worker.desk.workplace.tenant_id, worker.session_id)
    return follow(watches, place, worker.desk.db, parsed, after)


async def next_of(sent: AsyncGenerator[bytes, None]) -> bytes:
    async with asyncio.timeout(SECONDS_MAX):
        return await anext(sent)


async def rest_of(sent: AsyncGenerator[bytes, None]) -> list[bytes]:
    """Return all that is still sent until the stream ends."""
    async with asyncio.timeout(SECONDS_MAX):
        return [each async for each in sent]


async def test_a_follower_is_sent_what_was_and_then_what_comes(
    desk: Desk, watches: SessionWatches
) -> None:
    worker = await desk.worker()
    sent = stream(watches, worker)
    assert await next_of(sent) == RETRY
    assert (await next_of(sent)).startswith(b"id: 1\nevent: SessionOpened\ndata: {")
    assert (await next_of(sent)).startswith(b"id: 2\nevent: LeaseGranted\n")
    waiting = asyncio.ensure_future(next_of(sent))
    await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    framed = (await waiting).decode()
    head, kind, data, *rest = framed.split("\n")
    assert (head, kind, rest) == ("id: 3", "event: SessionStopped", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == (await worker.events())[-1]


async def test_a_follower_goes_on_after_what_it_has(desk: Desk, watches: SessionWatches) -> None:
    worker = await desk.worker()
    watches.life_seconds, life = 0.0, watches.life_seconds
    try:
        sent = [line async for line in stream(watches, worker, after=1)]
    finally:
        watches.life_seconds = life
    assert [line.partition(b"\n")[0] for line in sent] == [RETRY.strip(), b"id: 2"]


async def test_a_stream_ends_where_the_session_has_not_come_so_far(
    desk: Desk, watches: SessionWatches
) -> None:
    worker = await desk.worker()
    assert await rest_of(stream(watches, worker, after=3)) == [RETRY]


async def test_no_event_is_left_out_or_sent_twice_over_many_pages(
    desk: Desk, watches: SessionWatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await desk.worker()
    for _ in range(3):
        await worker.prepare()
    monkeypatch.setattr(service, "PAGE", 2)
    assert PAGE > 2
    sent = stream(watches, worker)
    assert await next_of(sent) == RETRY
    seen = [(await next_of(sent)).partition(b"\n")[0] for _ in range(5)]
    assert seen == [f"id: {seq}".encode() for seq in range(1, 6)]


async def test_a_silent_stream_is_kept_alive(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(service, "TICK_SECONDS", 60.0)
    # Of its own: what looks once a minute would go on doing so for every test after this one.
    watches = SessionWatches(desk.db)
    worker = await desk.worker()
    sent = stream(watches, worker, after=2)
    assert await next_of(sent) == RETRY
    assert await next_of(sent) == HEARTBEAT
    watches.end()


async def test_a_revoked_key_is_sent_nothing_more(desk: Desk, watches: SessionWatches) -> None:
    worker = await desk.worker()
    sent = stream(watches, worker, after=2)
    assert await next_of(sent) == RETRY
    waiting = asyncio.ensure_future(rest_of(sent))
    async with desk.db.writing(desk.workplace.founder) as tx:
        key_id = ApiKeyId(key_of(desk.runtime_key).key_id)
        await tenancy.revoke_key(tx, key_id, desk.ids)
    told = await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    assert told.status_code == 200
    assert await waiting == []


async def test_the_end_of_the_service_ends_every_stream(desk: Desk) -> None:
    watches = SessionWatches(desk.db)
    worker = await desk.worker()
    sent = stream(watches, worker, after=2)
    assert await next_of(sent) == RETRY
    waiting = asyncio.ensure_future(rest_of(sent))
    watches.end()
    assert await waiting == []
    assert not watches.has_room(desk.workplace.tenant_id)


async def test_a_tenant_follows_no_more_than_its_share_and_gives_it_back(desk: Desk) -> None:
    watches = SessionWatches(desk.db)
    worker = await desk.worker()
    streams = [stream(watches, worker, after=2) for _ in range(WATCHERS_OF_TENANT_MAX)]
    # Refused before any of them was sent a byte: the place is taken with the answer.
    with pytest.raises(TooManyWatchers):
        stream(watches, worker)
    assert await next_of(streams[0]) == RETRY
    await streams[0].aclose()
    streams[0] = stream(watches, worker, after=2)
    watches.end()
    assert [await rest_of(each) for each in streams] == [[RETRY]] * len(streams)


async def test_a_stream_that_never_began_gives_its_place_back(desk: Desk) -> None:
    watches, tenant_id = SessionWatches(desk.db), desk.workplace.tenant_id
    worker = await desk.worker()
    streams = [stream(watches, worker) for _ in range(WATCHERS_OF_TENANT_MAX)]
    assert not watches.has_room(tenant_id)
    streams.pop()
    assert watches.has_room(tenant_id)
    watches.end()


async def test_a_reader_that_stands_still_past_its_time_keeps_its_place(desk: Desk) -> None:
    watches, tenant_id = SessionWatches(desk.db), desk.workplace.tenant_id
    watches.life_seconds = 0.0
    worker = await desk.worker()
    streams = [stream(watches, worker) for _ in range(WATCHERS_OF_TENANT_MAX)]
    for each in streams:
        await next_of(each)
    assert not watches.has_room(tenant_id)
    await streams[0].aclose()
    assert watches.has_room(tenant_id)
    watches.end()


async def test_one_who_joins_another_is_woken_by_what_comes_next(
    desk: Desk, watches: SessionWatches
) -> None:
    worker = await desk.worker()
    first, second = stream(watches, worker, after=2), stream(watches, worker, after=2)
    assert [await next_of(first), await next_of(second)] == [RETRY, RETRY]
    waiting = [asyncio.ensure_future(next_of(first))]
    await worker.prepare()
    assert (await waiting[0]).startswith(b"id: 3\n")
    assert (await next_of(second)).startswith(b"id: 3\n")
    late = stream(watches, worker, after=3)
    assert await next_of(late) == RETRY
    waiting = [asyncio.ensure_future(next_of(each)) for each in (first, second, late)]
    await worker.prepare()
    assert [(await each).partition(b"\n")[0] for each in waiting] == [b"id: 4"] * 3
