"""Sessions at work on the same tallies, many at once, watched at every moment."""

import asyncio
import functools
import random  # noqa: TID251 -- seeded: the same calls in every run
from typing import Any

import asyncpg
from tests.invariants.interleave import came_to
from tests.invariants.stage import Stage
from tests.replay.desk import Desk
from tests.replay.tallies.wide import pay, wide

SESSIONS = 8
TURNS = 12
MOST = 3
# One statement, so that it sees what one commit left.
COUNTED = """
    SELECT count(DISTINCT m.digest) AS different
    FROM placet.replay_tally_mark AS m WHERE m.tenant_id = $1 AND m.digest IS NOT NULL
    GROUP BY m.tally_id
"""


async def work(desk: Desk, seed: int) -> int:
    """Pay, peek and fail as chance has it. Returns how many calls were granted."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    granted = 0
    worker = await desk.worker(ttl_seconds=60)
    for _ in range(TURNS):
        # The tallies of both tools are met in either order.
        names = chance.sample(["pay", "peek"], 2)
        calls = [
            pay(chance.randint(1, 9), chance.choice("abcdefghijklmnopqrst"), name) for name in names
        ]
        answered = await worker.try_propose(*calls)
        if answered.status_code != 200:
            told = answered.json()["code"]
            assert told in {"stale_state", "request_in_progress"}, answered.text
            continue
        for call in answered.json()["calls"]:
            if call["status"] != "granted":
                assert {one["code"] for one in call["reasons"]} == {"aggregate_exceeded"}
                continue
            granted += 1
            await worker.report(call, "failed")
    return granted


async def watched(watch: "asyncpg.Connection[Any]", desk: Desk, done: asyncio.Event) -> list[int]:
    """Return the numbers of different values that were seen until then."""
    seen = []
    while not done.is_set():
        rows = await watch.fetch(COUNTED, desk.workplace.tenant_id)
        seen += [row["different"] for row in rows]
    return seen


async def test_no_commit_of_many_sessions_goes_beyond_the_bound_and_none_waits_for_ever(
    stage: Stage,
) -> None:
    desk = (await stage.alone()).desk
    to: dict[str, object] = {"op": "distinct", "path": "$.to", "lte": MOST}
    await desk.approve_again(wide(to, to | {"tool": "peek", "window_seconds": 3600}))
    done = asyncio.Event()
    watching = asyncio.ensure_future(watched(stage.watch, desk, done))
    works = [came_to(functools.partial(work, desk, seed)) for seed in range(SESSIONS)]
    outcomes = await asyncio.gather(*works)
    done.set()
    seen = await watching
    granted = [one for one in outcomes if isinstance(one, int)]
    assert len(granted) == SESSIONS, outcomes
    assert max(seen) == MOST
    assert len(seen) > SESSIONS
    assert sum(granted) > SESSIONS
