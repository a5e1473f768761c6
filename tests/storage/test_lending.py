"""Connections in hand: lent without a wait, waited for in turn, never lost and never broken."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.conftest import Server

from placet.kernel.refusals import GovernanceUnavailable
from placet.storage import lending
from placet.storage.database import Database, HotConnection, HotPool
from placet.storage.lending import Lender

SIZE = 2
SLOW = "SELECT 1 AS n, pg_sleep(3)"
RUNS = "SELECT count(*) AS n FROM pg_stat_activity WHERE query = $1 AND state = 'active'"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """A pool of two connections."""
    async with asyncpg.create_pool(
        database_url, min_size=1, max_size=SIZE, connection_class=HotConnection
    ) as made:
        yield made


@pytest.fixture
async def lender(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Lender]:
    """What lends them."""
    made = Lender(pool)
    yield made
    await made.close()


async def test_what_was_given_back_last_is_lent_first(lender: Lender) -> None:
    first = await lender.take()
    lender.give(first)
    assert await lender.take() is first
    lender.give(first)


async def test_who_finds_none_gets_the_next_that_is_given_back_in_turn(lender: Lender) -> None:
    held = [await lender.take() for _ in range(SIZE)]
    assert lender.is_exhausted
    waiting = [asyncio.create_task(lender.take()) for _ in range(SIZE)]
    await asyncio.sleep(0)
    for connection in held:
        lender.give(connection)
    assert await asyncio.gather(*waiting) == held
    for connection in held:
        lender.give(connection)


async def test_who_finds_none_in_time_is_told_so_and_leaves_no_trace(lender: Lender) -> None:
    held = [await lender.take() for _ in range(SIZE)]
    with pytest.raises(TimeoutError):
        await lender.take()
    for connection in held:
        lender.give(connection)
    assert {await lender.take() for _ in range(SIZE)} == set(held)
    for connection in held:
        lender.give(connection)


@pytest.mark.parametrize("is_handed_over", [False, True])
async def test_who_goes_away_while_waiting_takes_no_connection_along(
    lender: Lender, *, is_handed_over: bool
) -> None:
    held = [await lender.take() for _ in range(SIZE)]
    waiting = asyncio.create_task(lender.take())
    await asyncio.sleep(0)
    if is_handed_over:
        lender.give(held[0])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    if not is_handed_over:
        lender.give(held[0])
    assert await lender.take() is held[0]
    for connection in held:
        lender.give(connection)


async def test_a_connection_that_failed_makes_room_for_who_waits(lender: Lender) -> None:
    held = [await lender.take() for _ in range(SIZE)]
    waiting = asyncio.create_task(lender.take())
    await asyncio.sleep(0)
    await lender.drop(held[0])
    came = await waiting
    assert await came.fetchval("SELECT 1") == 1
    lender.give(came)
    lender.give(held[1])


@pytest.fixture
async def slow(database_url: str) -> AsyncIterator[tuple[Lender, list[asyncio.Event]]]:
    """What lends connections whose opening lasts until a test lets it end, one by one."""
    opening: list[asyncio.Event] = []

    async def warming(_: object) -> None:
        mine = asyncio.Event()
        opening.append(mine)
        await mine.wait()

    async with asyncpg.create_pool(
        database_url, min_size=0, max_size=SIZE, connection_class=HotConnection, init=warming
    ) as pool:
        made = Lender(pool)
        yield made, opening
        await made.close()


async def begun(opening: list[asyncio.Event], many: int) -> None:
    """Return once so many are being opened."""
    while len(opening) < many:  # noqa: ASYNC110 -- the driver calls, and tells nobody
        await asyncio.sleep(0)


async def test_who_waits_for_one_to_be_opened_takes_what_is_given_back_first(
    slow: tuple[Lender, list[asyncio.Event]],
) -> None:
    lender, opening = slow
    taking = asyncio.create_task(lender.take())
    await begun(opening, 1)
    opening[0].set()
    held = await taking
    waiting = asyncio.create_task(lender.take())
    await begun(opening, 2)
    lender.give(held)
    assert await waiting is held
    opening[1].set()
    other = await lender.take()
    assert other is not held
    for connection in (held, other):
        lender.give(connection)


async def test_one_that_was_opened_for_longer_than_anybody_waits_is_there_for_the_next(
    slow: tuple[Lender, list[asyncio.Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lender, opening = slow
    monkeypatch.setattr(lending, "OPEN_SECONDS", 0.0)
    with pytest.raises(TimeoutError):
        await lender.take()
    monkeypatch.undo()
    await begun(opening, 1)
    taking = asyncio.create_task(lender.take())
    await asyncio.sleep(0)
    assert len(lender._opening) == 1  # noqa: SLF001 -- no more than wait, which nothing else tells
    opening[0].set()
    lender.give(await taking)


async def test_who_waits_for_one_to_be_opened_waits_longer_than_for_others(
    slow: tuple[Lender, list[asyncio.Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lender, opening = slow
    monkeypatch.setattr(lending, "WAIT_SECONDS", 0.0)
    taking = asyncio.create_task(lender.take())
    await begun(opening, 1)
    assert not taking.done()
    opening[0].set()
    lender.give(await taking)


async def test_no_more_are_opened_at_once_than_wait_or_than_there_is_room_for(
    slow: tuple[Lender, list[asyncio.Event]],
) -> None:
    lender, opening = slow
    taking = [asyncio.create_task(lender.take()) for _ in range(SIZE + 2)]
    await begun(opening, SIZE)
    assert lender.is_exhausted
    for one in opening:
        one.set()
    for _ in range(SIZE + 2):
        done, rest = await asyncio.wait(taking, return_when=asyncio.FIRST_COMPLETED)
        lender.give(done.pop().result())
        taking = [*done, *rest]
    assert len(opening) == SIZE


async def test_where_none_can_be_opened_each_is_told_and_the_place_is_free_again(
    database_url: str,
) -> None:
    faults = iter([OSError("the first"), OSError("the second"), None])

    async def failing(_: object) -> None:
        fault = next(faults)
        if fault is not None:
            raise fault

    async with asyncpg.create_pool(
        database_url, min_size=0, max_size=1, connection_class=HotConnection, init=failing
    ) as pool:
        lender = Lender(pool)
        taking = [asyncio.create_task(lender.take()) for _ in range(SIZE + 1)]
        told = await asyncio.gather(*taking[:SIZE], return_exceptions=True)
        assert [str(one) for one in told] == ["the first", "the second"]
        lender.give(await taking[SIZE])
        await lender.close()


async def test_closing_ends_what_is_being_opened_and_tells_who_waits(
    slow: tuple[Lender, list[asyncio.Event]],
) -> None:
    lender, opening = slow
    taking = asyncio.create_task(lender.take())
    await begun(opening, 1)
    await lender.close()
    with pytest.raises(TimeoutError):
        await taking


async def test_a_connection_that_ended_while_it_was_free_is_not_lent(
    lender: Lender, pool: "asyncpg.Pool[asyncpg.Record]", server: Server, database_name: str
) -> None:
    ended = await lender.take()
    lender.give(ended)
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.fetchval("SELECT pg_terminate_backend($1)", ended.get_server_pid())
    await admin.close()
    while pool.get_size() > 0:  # noqa: ASYNC110 -- the driver tells nobody when it learns of it
        await asyncio.sleep(0)
    other = await lender.take()
    assert other is not ended
    assert await other.fetchval("SELECT 1") == 1
    lender.give(other)


async def test_what_a_cancelled_call_left_behind_disturbs_no_later_one(db: Database) -> None:
    hot: HotPool = db.hot
    gone = asyncio.create_task(hot.call(SLOW))
    while not (await hot.call(RUNS, SLOW))["n"]:
        pass
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    rows = await asyncio.gather(*(hot.call("SELECT $1::int AS n", n) for n in range(40)))
    assert [row["n"] for row in rows] == list(range(40))


async def test_a_statement_that_is_refused_costs_no_connection(db: Database) -> None:
    lender = db.hot.lender
    lent = await lender.take()
    lender.give(lent)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await db.hot.call("SELECT 1 / 0")
    assert await lender.take() is lent
    lender.give(lent)


async def test_a_call_whose_statement_fails_is_refused_and_the_next_is_answered(
    db: Database,
) -> None:
    with pytest.raises(GovernanceUnavailable):
        await db.hot.call("SELECT pg_terminate_backend(pg_backend_pid())")
    assert (await db.hot.call("SELECT 1 AS n"))["n"] == 1
