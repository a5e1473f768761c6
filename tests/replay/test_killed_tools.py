"""While a tool is killed, what a process remembers is still good, and a lifting is never missed."""

import pytest
from litestar import Litestar
from tests.replay.desk import Desk, Worker

from placet.replay.calls.runtime import Runtime
from placet.storage.database import Database

NOTE = ("note", {"text": "a"})
LOOK = ("lookup_order", {"order_id": "ord_00000001"})


@pytest.fixture
def trips(app: Litestar) -> Database:
    """Return the database of the service, which counts its round trips."""
    runtime: Runtime = app.state[Runtime.__name__]
    return runtime.db


async def outcome(worker: Worker) -> list[str]:
    return [call["status"] for call in await worker.propose(NOTE, LOOK)]


async def test_a_step_beside_a_killed_tool_costs_no_more_trips(desk: Desk, trips: Database) -> None:
    worker = await desk.worker()
    await outcome(worker)
    before = trips.hot.round_trips
    assert await outcome(worker) == ["granted", "granted"]
    plain = trips.hot.round_trips - before
    await desk.kill("tool", "note")
    assert await outcome(worker) == ["blocked", "granted"]
    before = trips.hot.round_trips
    assert await outcome(worker) == ["blocked", "granted"]
    assert trips.hot.round_trips - before == plain


async def test_nothing_is_denied_for_a_kill_that_was_lifted(desk: Desk) -> None:
    worker = await desk.worker()
    killed = await desk.kill("tool", "note")
    assert await outcome(worker) == ["blocked", "granted"]
    assert "note" not in (await worker.prepare())["tools"]
    await desk.lift(killed)
    assert "note" in (await worker.prepare())["tools"]
    assert await outcome(worker) == ["granted", "granted"]


async def test_a_response_is_decided_again_where_a_kill_is_lifted_after_its_preflight(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    killed = await desk.kill("tool", "note")
    await outcome(worker)
    prepared = await worker.prepare()
    await desk.lift(killed)
    answered = await worker.post("proposals", worker.proposal(prepared, NOTE))
    assert answered.json()["calls"][0]["status"] == "granted"


async def test_a_preflight_with_a_receipt_offers_what_was_lifted(desk: Desk) -> None:
    worker = await desk.worker()
    killed = await desk.kill("tool", "note")
    (call,) = await worker.propose(LOOK)
    await outcome(worker)
    await desk.lift(killed)
    told = await worker.report(call, next={"request_hash": "ab" * 32})
    assert "note" in told["next"]["tools"]


async def test_of_two_killed_tools_the_one_that_is_lifted_is_granted_again(desk: Desk) -> None:
    worker = await desk.worker()
    killed = await desk.kill("tool", "note")
    await desk.kill("tool", "lookup_order")
    assert await outcome(worker) == ["blocked", "blocked"]
    await desk.lift(killed)
    assert await outcome(worker) == ["granted", "blocked"]
