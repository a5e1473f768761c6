"""What a process must be told that remembers nothing of a session does not grow with its length."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.replay.desk import Desk, Worker
from tests.replay.test_limits import grow_older
from tests.replay.twofold import begun, limited

from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime

NOTE: dict[str, Any] = {
    "tool": "count_up",
    "side_effect": "write",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "input_schema": {"type": "object", "properties": {"n": {"type": "number"}, "to": {}}},
}
LOOK: dict[str, Any] = {**NOTE, "tool": "look", "side_effect": "read", "commit_requirement": "none"}


def over(name: str, op: str, tool: str = "count_up", **more: object) -> dict[str, object]:
    return {"name": name, "tool": tool, "op": op, **more}


AGGREGATES = [
    over("sum", "sum", path="$.n", lte=10_000),
    over("count", "count", lte=10_000),
    over("most", "max", path="$.n", lte=10_000),
    over("least", "min", path="$.n", gte="-7.5"),
    over("whom", "distinct", path="$.to", lte=3),
    over("lately", "sum", path="$.n", lte=10_000, window_seconds=3600),
    over("whom_lately", "distinct", path="$.to", lte=3, window_seconds=3600),
    over("looks", "sum", tool="look", path="$.n", lte=10_000),
    over("most_looks", "max", tool="look", path="$.n", lte=10_000),
]


@pytest.fixture
async def admin(server: Server, database_name: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection of somebody who may change everything."""
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


Told = Callable[[Worker], Any]


@pytest.fixture
def told(admin: "asyncpg.Connection[Any]") -> Told:
    """Return what tells the amounts that a process would be told of."""

    async def tell(worker: Worker) -> dict[str, list[str]]:
        facts = await admin.fetchval(
            "SELECT placet.session_facts_v1(s) FROM placet.replay_session AS s"
            " WHERE s.session_id = $1",
            worker.session_id,
        )
        found: dict[str, list[str]] = {}
        for one in json.loads(facts)["amounts"]:
            found.setdefault(one["name"], []).append(one["value"])
        return found

    return tell


async def work(worker: Worker, tool: str, *values: float, report: bool = True) -> list[Any]:
    calls = await worker.propose(
        *((tool, {"n": n, "to": "ab"[place % 2]}) for place, n in enumerate(values))
    )
    assert {call["status"] for call in calls} == {"granted"}, calls
    if report:
        for call in calls:
            await worker.report(call)
    return calls


@pytest.fixture
async def worker(desk: Desk) -> Worker:
    """A worker under a contract with an aggregate of every kind."""
    document = limited({"aggregates": AGGREGATES}, NOTE, LOOK)
    return (await begun(desk, document)).worker


async def test_ten_times_the_calls_are_told_in_as_much(worker: Worker, told: Told) -> None:
    await work(worker, "count_up", 0.5, 3, 2)
    await work(worker, "look", 4, 5)
    few = await told(worker)
    assert {name: len(values) for name, values in few.items()} == {
        **dict.fromkeys(("sum", "count", "most", "least", "looks", "most_looks"), 1),
        **dict.fromkeys(("whom", "whom_lately"), 2),
        "lately": 3,
    }
    assert (few["sum"], few["count"], few["most"], few["least"]) == (["5.5"], ["3"], ["3"], ["0.5"])
    assert (few["looks"], few["most_looks"]) == (["9"], ["5"])
    await work(worker, "count_up", *[1.5, 2] * 15)
    await work(worker, "look", *[1] * 20)
    many = await told(worker)
    within = {"lately"}
    assert {name: len(values) for name, values in many.items() if name not in within} == {
        name: len(values) for name, values in few.items() if name not in within
    }
    assert (many["sum"], many["count"], many["looks"]) == (["58.0"], ["33"], ["29"])


async def test_what_has_left_its_window_is_not_told_any_more(
    worker: Worker, told: Told, admin: "asyncpg.Connection[Any]"
) -> None:
    await work(worker, "count_up", 1, 2, 3)
    (waits,) = await work(worker, "count_up", 7, report=False)
    await grow_older(admin, worker, timedelta(seconds=3_650))
    assert len((await told(worker))["lately"]) == 4
    await grow_older(admin, worker, timedelta(seconds=20))
    found = await told(worker)
    assert (found["lately"], len(found["whom_lately"])) == (["7"], 1)
    assert sorted(found["sum"]) == ["6", "7"]
    await worker.report(waits)
    assert (await told(worker))["sum"] == ["13"]


async def test_what_may_yet_fail_is_told_apart_and_can_be_taken_back(
    worker: Worker, told: Told, app: Litestar
) -> None:
    runtime: Runtime = app.state[Runtime.__name__]
    await work(worker, "look", 4, 5)
    large, _ = await work(worker, "look", 9_000, 6, report=False)
    assert sorted((await told(worker))["most_looks"]) == ["5", "6", "9000"]
    (refused,) = await worker.propose(("look", {"n": 1_000}))
    assert refused["reasons"][0]["code"] == "aggregate_exceeded"
    runtime.memory = Memory()
    await worker.report(large, "failed")
    assert sorted((await told(worker))["most_looks"]) == ["5", "6"]
    assert (await told(worker))["looks"] == ["15"]
    runtime.memory = Memory()
    await work(worker, "look", 1_000)
