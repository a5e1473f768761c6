"""Calls that go together: each gets its own answer, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import Server

from placet.kernel.ids import Ids
from placet.kernel.refusals import GovernanceUnavailable, RequestInProgress
from placet.storage import together
from placet.storage.database import Database, HotPool
from placet.storage.faults import translated
from placet.storage.together import SIZES, Group, Groups, statement

KEY: Final = "a key"
WIDTH: Final = 3
HELD: Final = 7
"""The lock that a test holds, and which a call waits for."""

MADE: Final = """
CREATE FUNCTION placet.echo_v1(p_key text, p_said int, p_lock bigint, OUT code text, OUT said int)
LANGUAGE plpgsql AS $$
BEGIN
    IF p_said = 999 THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
    END IF;
    PERFORM pg_advisory_xact_lock(p_lock);
    code := 10 / p_said;
    said := p_said;
END
$$
"""


@dataclass
class Counted:
    """A group of calls on a real pool, and how many calls each statement of it held."""

    hot: HotPool
    ids: Ids
    held: "asyncpg.Connection[Any]"
    sizes: list[int] = field(default_factory=list)
    is_full: bool = False

    def __post_init__(self) -> None:
        """Make the group."""
        self.group = Group("echo_v1", self._fetch, lambda: self.is_full)

    async def echo(self, said: int, lock: int = 0, session: UUID | None = None) -> int:
        """Return what one call answers to a number."""
        with translated():
            row = await self.group.call(session or self.ids.new(), (KEY, said, lock))
        number: int = row["said"]
        return number

    async def _fetch(self, query: str, arguments: Sequence[object]) -> list[asyncpg.Record]:
        self.sizes.append(len(arguments) // WIDTH)
        return await self.hot._fetch(self.hot.lender, query, arguments)  # noqa: SLF001 -- as the pool's own groups do


@pytest.fixture
async def counted(fresh_database_url: str, server: Server, ids: Ids) -> AsyncIterator[Counted]:
    """A group whose function echoes a number, and a lock that is held against it."""
    admin = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path.removeprefix("/")))
    await admin.execute(MADE)
    await admin.fetch("SELECT pg_advisory_lock($1)", HELD)
    db = await Database.open(fresh_database_url)
    yield Counted(db.hot, ids, admin)
    await db.close()
    await admin.close()


async def under_way(counted: Counted) -> "asyncio.Task[int]":
    """Return a call that is under way, and waits for the lock."""
    first = asyncio.create_task(counted.echo(1, HELD))
    await asyncio.sleep(0)
    return first


async def test_a_call_that_comes_alone_goes_alone_and_at_once(counted: Counted) -> None:
    assert [await counted.echo(said) for said in (3, 2, 1)] == [3, 2, 1]
    assert counted.sizes == [1, 1, 1]


async def test_calls_that_come_meanwhile_go_together_and_each_gets_its_own_answer(
    counted: Counted,
) -> None:
    first = await under_way(counted)
    said = list(range(1, 15))
    assert await asyncio.gather(*(counted.echo(one) for one in said)) == said
    assert not first.done()
    assert counted.sizes[:2] == [1, 8]
    assert sum(counted.sizes) == 15
    assert set(counted.sizes) <= {1, *SIZES}
    await counted.held.fetch("SELECT pg_advisory_unlock($1)", HELD)
    assert await first == 1
    assert counted.group.is_idle


async def test_what_one_of_a_statement_is_refused_for_befalls_no_other(counted: Counted) -> None:
    first = await under_way(counted)
    bad = 0
    told = await asyncio.gather(
        *(counted.echo(said) for said in (1, bad, 3, 4)), return_exceptions=True
    )
    assert [one for one in told if isinstance(one, int)] == [1, 3, 4]
    assert isinstance(told[1], asyncpg.DivisionByZeroError)
    await counted.held.fetch("SELECT pg_advisory_unlock($1)", HELD)
    assert await first == 1


async def test_a_call_that_waits_for_a_lock_too_long_is_refused_alone(counted: Counted) -> None:
    first = await under_way(counted)
    told = await asyncio.gather(
        counted.echo(2, HELD), counted.echo(3), first, return_exceptions=True
    )
    assert [type(one) for one in told] == [RequestInProgress, int, RequestInProgress]
    assert counted.group.is_idle


async def test_a_call_that_is_held_up_holds_up_no_other_of_its_statement(
    counted: Counted,
) -> None:
    first = await under_way(counted)
    held = asyncio.create_task(counted.echo(9, HELD))
    assert await asyncio.gather(*(counted.echo(said) for said in (1, 2, 3))) == [1, 2, 3]
    assert counted.sizes[:2] == [1, 4]
    assert not held.done()
    await counted.held.fetch("SELECT pg_advisory_unlock($1)", HELD)
    assert await first == 1
    assert await held == 9


async def test_where_the_answer_of_a_statement_is_lost_nothing_is_sent_again(
    counted: Counted,
) -> None:
    first = await under_way(counted)
    said = (1, 999, 3, 4)
    told = await asyncio.gather(*(counted.echo(one) for one in said), return_exceptions=True)
    assert [type(one) for one in told] == [GovernanceUnavailable] * 4
    assert counted.sizes == [1, 4]
    await counted.held.fetch("SELECT pg_advisory_unlock($1)", HELD)
    assert await first == 1


async def test_groups_are_forgotten_once_nothing_is_under_way(counted: Counted) -> None:
    groups = Groups(counted.group._fetch, lambda: False)  # noqa: SLF001 -- the same pool
    calls = [
        asyncio.create_task(groups.call("echo_v1", KEY, counted.ids.new(), (KEY, n, lock)))
        for n, lock in ((1, HELD), (2, 0), (3, 0))
    ]
    await asyncio.sleep(0)
    calls[1].cancel()
    calls[2].cancel()
    assert len(groups._groups) == 1  # noqa: SLF001 -- what it keeps is what is looked at
    await counted.held.fetch("SELECT pg_advisory_unlock($1)", HELD)
    await asyncio.gather(*calls, return_exceptions=True)
    assert groups._groups == {}  # noqa: SLF001 -- as above


@pytest.mark.parametrize("is_full", [False, True])
async def test_who_waited_too_long_is_refused_only_where_no_connection_is_free(
    counted: Counted, monkeypatch: pytest.MonkeyPatch, *, is_full: bool
) -> None:
    monkeypatch.setattr(together, "WAIT_SECONDS", 0.0)
    counted.is_full = is_full
    first = await under_way(counted)
    told = await asyncio.gather(
        counted.echo(2), counted.echo(3), counted.echo(4), return_exceptions=True
    )
    if is_full:
        assert {type(one) for one in told} == {GovernanceUnavailable}
    else:
        assert list(told) == [2, 3, 4]
    await counted.held.fetch("SELECT pg_advisory_unlock($1)", HELD)
    assert await first == 1


async def test_who_goes_away_takes_no_other_call_along(counted: Counted) -> None:
    first = await under_way(counted)
    calls = [asyncio.create_task(counted.echo(said)) for said in (1, 2, 3, 4)]
    await asyncio.sleep(0)
    calls[1].cancel()
    first.cancel()
    told = await asyncio.gather(first, *calls, return_exceptions=True)
    assert told[1:] == [1, told[2], 3, 4]
    assert isinstance(told[0], asyncio.CancelledError)
    assert isinstance(told[2], asyncio.CancelledError)
    assert counted.group.is_idle


async def test_two_calls_of_one_session_never_stand_in_one_statement(counted: Counted) -> None:
    first = await under_way(counted)
    session = counted.ids.new()
    said = [1, 2, 3, 4]
    assert await asyncio.gather(*(counted.echo(one, session=session) for one in said)) == said
    assert counted.sizes == [1] * 5
    await counted.held.fetch("SELECT pg_advisory_unlock($1)", HELD)
    await first


async def test_calls_of_one_statement_stand_in_the_order_of_their_sessions(
    counted: Counted,
) -> None:
    first = await under_way(counted)
    sessions = sorted(counted.ids.new() for _ in range(4))
    given: list[Sequence[object]] = []
    fetch = counted.group._fetch  # noqa: SLF001 -- looked at on its way, and sent on as it is

    async def looked_at(query: str, arguments: Sequence[object]) -> list[asyncpg.Record]:
        given.append(arguments)
        return await fetch(query, arguments)

    counted.group._fetch = looked_at  # noqa: SLF001 -- as above
    places = [2, 0, 3, 1]
    await asyncio.gather(*(counted.echo(n + 1, session=sessions[n]) for n in places))
    assert [list(row[1::WIDTH]) for row in given] == [[1, 2, 3, 4]]
    await counted.held.fetch("SELECT pg_advisory_unlock($1)", HELD)
    await first


def test_a_statement_numbers_its_answers_and_waits_for_no_lock_for_long() -> None:
    assert statement("echo_v1", 2, 1) == "SELECT * FROM placet.echo_v1($1, $2)"
    assert statement("echo_v1", 2, 2) == (
        "SELECT 0 AS place, f.* FROM (SELECT set_config('lock_timeout', '50ms', true) AS t)"
        " AS l, LATERAL placet.echo_v1(CASE WHEN l.t IS NOT NULL THEN $1 END, $2) AS f"
        " UNION ALL SELECT 1 AS place, f.* FROM placet.echo_v1($3, $4) AS f"
    )
