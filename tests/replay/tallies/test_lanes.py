"""Lanes of tallies: few of those who are counted together are in the database at one time."""

import asyncio
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from tests.replay.asks.people import AskDesk
from tests.replay.tallies.test_waiting import LOCK, WAITING, busy, desk
from tests.replay.tallies.wide import pay

from placet.kernel.ids import Ids
from placet.kernel.refusals import RequestInProgress
from placet.replay.tallies import lanes
from placet.replay.tallies.lanes import WIDTH, Lanes
from placet.replay.tallies.model import Mark, Tallied
from placet.storage.database import POOL_SIZE

__all__ = ["busy", "desk"]

MANY: Final = POOL_SIZE + 4


def marking(*tallies: UUID) -> Tallied:
    """Return what marks these tallies."""
    marks = [Mark(call_id=one, tally_id=one, value="1", digest=None) for one in tallies]
    return Tallied(tallies=[], looks=[], marks=marks)


class Inside:
    """Some who go through lanes, and stay until they are let go."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.lanes = Lanes()
        self.count = 0
        self.go = asyncio.Event()

    async def enter(self, tallied: Tallied | None) -> None:
        """Go through, and stay."""
        async with self.lanes.through(tallied):
            self.count += 1
            await self.go.wait()

    async def begin(self, *tallied: Tallied | None) -> "list[asyncio.Task[None]]":
        """Have each of these set out, and return once all have come as far as they can."""
        going = [asyncio.create_task(self.enter(one)) for one in tallied]
        for _ in range(8):
            await asyncio.sleep(0)
        return going


async def test_no_more_than_the_lane_is_wide_are_in_it_and_no_other_waits_for_them(
    ids: Ids,
) -> None:
    inside, tally = Inside(), ids.new()
    going = await inside.begin(*[marking(tally)] * (WIDTH + 5))
    assert inside.count == WIDTH
    going += await inside.begin(marking(ids.new()), None, Tallied(tallies=[], looks=[], marks=[]))
    assert inside.count == WIDTH + 3
    inside.go.set()
    await asyncio.gather(*going)
    assert inside.count == WIDTH + 8
    assert not inside.lanes._lanes  # noqa: SLF001 -- what it keeps is what is looked at


async def test_who_waits_too_long_is_refused_and_takes_no_place(
    ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, one, other = Inside(), ids.new(), ids.new()
    going = await inside.begin(*[marking(max(one, other))] * WIDTH)
    monkeypatch.setattr(lanes, "WAIT_SECONDS", 0.0)
    with pytest.raises(RequestInProgress):
        await inside.enter(marking(one, other))
    monkeypatch.undo()
    going += await inside.begin(*[marking(min(one, other))] * WIDTH)
    assert inside.count == 2 * WIDTH
    inside.go.set()
    await asyncio.gather(*going)


async def test_two_who_mark_the_same_tallies_in_either_order_never_wait_for_each_other(
    ids: Ids,
) -> None:
    inside, one, other = Inside(), ids.new(), ids.new()
    inside.go.set()
    both = [marking(one, other), marking(other, one)] * (4 * WIDTH)
    await asyncio.gather(*await inside.begin(*both))
    assert inside.count == len(both)


async def test_those_who_wait_for_a_tally_leave_connections_to_all_others(
    desk: AskDesk,
    busy: "asyncpg.Connection[Any]",
) -> None:
    workers = [await desk.worker() for _ in range(MANY)]
    (marked,) = await workers[0].propose(pay(1, "marked"))
    assert marked["status"] == "granted"
    bodies = [
        one.proposal(await one.prepare(), pay(1, f"x{place % 4}"))
        for place, one in enumerate(workers)
    ]
    await busy.execute(LOCK, desk.workplace.tenant_id)
    other = await desk.worker()
    found = 0
    while found < WIDTH:
        # Once more where all were refused, a second later, before anybody looked.
        sent = [
            asyncio.ensure_future(worker.post("proposals", body))
            for worker, body in zip(workers, bodies, strict=True)
        ]
        while found < WIDTH and not all(one.done() for one in sent):
            found = await busy.fetchval(WAITING, "advisory")
    (note,) = await other.propose(("note", {"text": "meanwhile"}))
    assert note["status"] == "granted"
    assert await busy.fetchval(WAITING, "advisory") <= WIDTH
    await busy.execute("SELECT pg_advisory_unlock_all()")
    assert {(await one).status_code for one in sent} <= {200, 409}
