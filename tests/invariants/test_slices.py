"""Sessions at work on one allowance: many at once, and one after the other beside an oracle."""

import asyncio
import functools
import random  # noqa: TID251 -- seeded: the same calls in every run
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from tests.invariants.interleave import came_to
from tests.invariants.stage import Stage
from tests.replay.desk import Desk, Worker
from tests.replay.slices.purse import books, pay, purse

BOUND = 100
SESSIONS = 8
TURNS = 8
STEPS = 30
# One statement, so that it sees what one commit left.
COUNTED = """
    SELECT a.name,
           (SELECT coalesce(sum(w.value), 0) FROM placet.replay_wide_amount AS w
            WHERE w.tenant_id = a.tenant_id AND w.allowance_id = a.allowance_id
              AND w.released_at IS NULL)
           + (SELECT coalesce(sum(l.held), 0) FROM placet.replay_slice AS l
              WHERE l.tenant_id = a.tenant_id AND l.allowance_id = a.allowance_id) AS total
    FROM placet.replay_allowance AS a WHERE a.tenant_id = $1
"""


async def work(desk: Desk, seed: int) -> int:
    """Pay, fail and end as chance has it. Returns how many calls were granted."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    granted = 0
    worker = await desk.worker()
    for _ in range(TURNS):
        answered = await worker.try_propose(*[pay(chance.randint(1, 12)) for _ in range(2)])
        if answered.status_code != 200:
            told = answered.json()["code"]
            assert told in {"stale_state", "request_in_progress"}, answered.text
            continue
        for call in answered.json()["calls"]:
            if call["status"] != "granted":
                assert {one["code"] for one in call["reasons"]} == {"aggregate_exceeded"}
                continue
            granted += 1
            await worker.report(call, chance.choice(["failed", "failed", "failed", "succeeded"]))
        if chance.random() < 0.1:
            await worker.post("kill", {"reason": "enough"}, desk.operator_key)
            worker = await desk.worker()
    return granted


async def watched(
    watch: "asyncpg.Connection[Any]", desk: Desk, done: asyncio.Event
) -> list[Decimal]:
    """Return the totals that were seen until then."""
    seen = []
    while not done.is_set():
        rows = await watch.fetch(COUNTED, desk.workplace.tenant_id)
        seen += [row["total"] for row in rows]
    return seen


async def test_no_commit_of_many_sessions_goes_beyond_the_bound_and_nothing_is_lost(
    stage: Stage,
) -> None:
    desk = (await stage.alone()).desk
    await desk.approve_again(purse({"lte": BOUND}, {"lte": BOUND, "window_seconds": 3600}))
    done = asyncio.Event()
    watching = asyncio.ensure_future(watched(stage.watch, desk, done))
    works = [came_to(functools.partial(work, desk, seed)) for seed in range(SESSIONS)]
    outcomes = await asyncio.gather(*works)
    done.set()
    seen = await watching
    granted = [one for one in outcomes if isinstance(one, int)]
    assert len(granted) == SESSIONS, outcomes
    assert max(seen) <= BOUND
    assert len(seen) > SESSIONS
    assert sum(granted) > SESSIONS
    assert (await books(desk)).keys() == {"paid_0", "paid_1"}


class Oracle:
    """What is left of the bound, added up by hand."""

    def __init__(self) -> None:
        """Begin with nothing taken."""
        self.taken = 0
        self.open: list[tuple[Worker, dict[str, Any], int]] = []

    def judge(self, *amounts: int) -> list[str]:
        """Return what must be said of payments that are proposed together."""
        said = []
        for amount in amounts:
            fits = self.taken + amount <= BOUND
            said.append("allow" if fits else "deny")
            self.taken += amount * fits
        return said


@pytest.mark.parametrize("seed", range(2))
async def test_one_after_the_other_they_decide_as_the_sum_does(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret
    desk = (await stage.alone()).desk
    await desk.approve_again(purse({"lte": BOUND}))
    oracle = Oracle()
    workers = [await desk.worker() for _ in range(3)]
    for _ in range(STEPS):
        place = chance.randrange(3)
        worker = workers[place]
        match chance.randrange(8):
            case 0 | 1 | 2 | 3:
                amounts = [chance.randint(0, 25) for _ in range(chance.randint(1, 3))]
                calls = await worker.propose(*map(pay, amounts))
                assert [call["verdict"] for call in calls] == oracle.judge(*amounts)
                oracle.open += [
                    (worker, call, amount)
                    for call, amount in zip(calls, amounts, strict=True)
                    if call["status"] == "granted"
                ]
            case 4 | 5 | 6 if oracle.open:
                whose, call, amount = oracle.open.pop(chance.randrange(len(oracle.open)))
                status = chance.choice(["failed", "failed", "succeeded", "timed_out"])
                told = await whose.report(call, status)
                oracle.taken -= amount * (status == "failed" and told["settled"])
            case 7 if chance.random() < 0.4:
                await worker.post("kill", {"reason": "enough"}, desk.operator_key)
                workers[place] = await desk.worker()
            case _:
                pass
        used, held = (await books(desk)).get("paid_0", (0, 0))
        assert used == oracle.taken
        assert used + held <= BOUND
