"""Crashes between a commit and its answer: what was done is whole and told, or was not done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from tests.invariants.interleave import came_to
from tests.invariants.service import Service
from tests.invariants.stage import NOTE, Stage
from tests.invariants.wire import Wire, wired
from tests.replay.desk import Worker

Request = Callable[[Worker], Awaitable[httpx.Response]]


@pytest.fixture
async def wire(stage: Stage) -> AsyncIterator[Wire]:
    """A line from a service to the database, which can lose what it carries."""
    async with wired(stage.place.database_url) as made:
        yield made


async def proposing(worker: Worker) -> Request:
    asked = worker.proposal(await worker.prepare(), NOTE)
    return lambda who: who.post("proposals", asked)


async def starting(worker: Worker) -> Request:
    (call,) = await worker.propose(NOTE)
    start_id = worker.desk.ids.new()
    return lambda who: who.start(call, start_id)


async def reporting(worker: Worker) -> Request:
    (call,) = await worker.propose(NOTE)
    asked = worker.receipt(call, output={})
    return lambda who: who.post("receipts", asked)


async def leasing(worker: Worker) -> Request:
    asked = {"action": "grant", "holder": worker.holder, "request_id": str(worker.desk.ids.new())}
    return lambda who: who.post("lease", asked)


async def settling(worker: Worker) -> Request:
    (call,) = await worker.propose(NOTE)
    asked = {
        "settlement_id": str(worker.desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "reason": "looked at the books",
    }
    return lambda who: who.post("settlements", asked, who.desk.operator_key)


async def killing(worker: Worker) -> Request:
    await worker.propose(NOTE)
    return lambda who: who.post("kill", {"reason": "enough"}, who.desk.operator_key)


REQUESTS = [proposing, starting, reporting, leasing, settling, killing]


@pytest.mark.parametrize("made", [proposing, reporting], ids=lambda made: made.__name__)
async def test_what_was_committed_before_its_service_was_killed_is_answered_by_another(
    stage: Stage, wire: Wire, service: Service, made: Callable[[Worker], Awaitable[Request]]
) -> None:
    async with Service(stage.place.folder, wire.url) as dying:
        worker = await practised(dying, stage)
        request = await made(worker)
        before = await kept(stage, worker)
        wire.drops_answers = True
        lost = asyncio.ensure_future(came_to(lambda: request(worker)))
        while await kept(stage, worker) == before:
            assert not lost.done()
        dying.kill()
        assert isinstance(await lost, httpx.TransportError)
    after = await kept(stage, worker)
    again = await request(service.worker(worker))
    assert again.status_code == 200, again.text
    assert again.json()["replayed"]
    assert await kept(stage, worker) == after


async def test_what_was_not_committed_before_its_service_was_killed_is_done_by_another(
    stage: Stage, wire: Wire, service: Service
) -> None:
    async with Service(stage.place.folder, wire.url) as dying:
        worker = await practised(dying, stage)
        request = await proposing(worker)
        before = await kept(stage, worker)
        wire.drops_questions = True
        lost = asyncio.ensure_future(came_to(lambda: request(worker)))
        await wire.dropped.wait()
        dying.kill()
        assert isinstance(await lost, httpx.TransportError)
    assert await kept(stage, worker) == before
    again = await request(service.worker(worker))
    assert again.status_code == 200, again.text
    assert not again.json()["replayed"]


async def test_who_loses_the_answer_of_the_database_is_not_told_that_nothing_was_written(
    stage: Stage, wire: Wire, service: Service
) -> None:
    async with Service(stage.place.folder, wire.url) as cut:
        worker = await practised(cut, stage)
        request = await proposing(worker)
        before = await kept(stage, worker)
        wire.drops_answers = True
        lost = asyncio.ensure_future(request(worker))
        while await kept(stage, worker) == before:
            assert not lost.done()
        await wire.close()
        answered = await lost
    problem = answered.json()
    assert (answered.status_code, problem["code"]) == (503, "governance_unavailable")
    assert int(answered.headers["Retry-After"]) >= 1
    assert "nothing" not in problem["detail"] + problem["hint"]
    assert (await request(service.worker(worker))).json()["replayed"]


@pytest.mark.parametrize("made", REQUESTS, ids=lambda made: made.__name__)
async def test_a_request_whose_backend_is_ended_is_told_to_come_back_and_did_nothing(
    stage: Stage, made: Callable[[Worker], Awaitable[Request]]
) -> None:
    worker = await stage.desk.worker()
    request = await made(worker)
    before = await kept(stage, worker)
    holder, killer = stage.sides[0].connection, stage.sides[1].connection
    async with holder.transaction():
        await holder.execute(
            "SELECT set_config('placet.tenant', $1, true)", str(stage.desk.workplace.tenant_id)
        )
        await holder.execute(
            "SELECT FROM placet.replay_session WHERE session_id = $1 FOR UPDATE",
            worker.session_id,
        )
        waiting = asyncio.ensure_future(request(worker))
        while not await killer.fetchval(
            "SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND $1 = ANY (pg_blocking_pids(pid))",
            stage.sides[0].pid,
        ):
            assert not waiting.done()
        answered = await waiting
    assert answered.status_code == 503
    assert answered.json()["code"] == "governance_unavailable"
    assert int(answered.headers["Retry-After"]) >= 1
    assert await kept(stage, worker) == before
    again = await request(worker)
    assert again.status_code == 200, again.text
    assert not again.json().get("replayed", False)


async def practised(service: Service, stage: Stage) -> Worker:
    """Return a worker on a service that has its statements ready: one question, one answer."""
    worker = service.worker(await stage.desk.worker())
    (call,) = await worker.propose(NOTE)
    await worker.report(call, output={})
    return worker


async def kept(stage: Stage, worker: Worker) -> list[tuple[str, str]]:
    """Return everything that the database keeps of a worker's session."""
    return await stage.footprint(worker)
