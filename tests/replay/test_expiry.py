"""Sessions that lasted as long as their contract allows, and what becomes of them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.replay.desk import Desk, Worker
from tests.replay.twofold import begun, limited

from placet.events.model import new_event
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions import store as sessions
from placet.replay.sessions.expiry import WHY, ending_of, expire_due
from placet.replay.sessions.model import SessionStopped

NOTE = ("note", {"text": "called back"})
ASK = ("escalate", {"reason": "she shouts"})
HOUR = limited({"limits": {"max_seconds": 3600}})
Age = Callable[[Worker, int], Awaitable[None]]


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    found = app.state[Runtime.__name__]
    assert isinstance(found, Runtime)
    return found


@pytest.fixture
def age(server: Server, database_name: str) -> Age:
    """Let a session have been opened, and be looked at, so many seconds earlier."""

    async def ageing(worker: Worker, seconds: int) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        by = timedelta(seconds=seconds)
        await admin.execute(
            "UPDATE placet.replay_session SET created_at = created_at - $2::interval,"
            " waiting_since = waiting_since - $2::interval WHERE session_id = $1",
            worker.session_id,
            by,
        )
        await admin.execute(
            "UPDATE placet.work_due SET due_at = due_at - $2::interval WHERE ref = $1",
            worker.session_id,
            by,
        )
        await admin.close()

    return ageing


async def look(runtime: Runtime) -> None:
    await expire_due(runtime.db, runtime.policies, runtime.ids)


async def due(server: Server, database_name: str, worker: Worker) -> int:
    admin = await asyncpg.connect(server.admin(database_name))
    found = await admin.fetchval(
        "SELECT count(*) FROM placet.work_due WHERE ref = $1 AND kind = 'expire_session'",
        worker.session_id,
    )
    await admin.close()
    return int(found)


async def test_a_session_whose_time_has_run_out_is_written_down_as_expired(
    desk: Desk, runtime: Runtime, age: Age
) -> None:
    worker = (await begun(desk, HOUR)).worker
    (call,) = await worker.propose(NOTE)
    await age(worker, 3601)
    await look(runtime)
    session = await worker.read()
    assert (session["status"], session["ended_why"]) == ("expired", WHY)
    told = (await worker.events())[-1]
    assert (told["type"], told["body"]["limit"]) == ("SessionStopped", "max_seconds")
    refused = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert (refused.status_code, refused.json()["code"]) == (410, "session_expired")
    assert (await worker.report(call))["late"]
    await look(runtime)
    assert [event["type"] for event in await worker.events()].count("SessionStopped") == 1


async def test_a_session_in_its_time_goes_on_and_is_looked_at_again(
    desk: Desk, runtime: Runtime, age: Age, server: Server, database_name: str
) -> None:
    worker = (await begun(desk, HOUR)).worker
    assert await due(server, database_name, worker) == 1
    await worker.propose(ASK)
    await age(worker, 3601)
    await look(runtime)
    assert (await worker.read())["status"] == "active"
    assert await due(server, database_name, worker) == 1


async def test_an_end_that_was_decided_before_an_ask_was_made_is_not_written_down(
    desk: Desk, runtime: Runtime
) -> None:
    worker = (await begun(desk, HOUR)).worker
    (call,) = await worker.propose(NOTE)
    await worker.report(call)
    said = new_event(runtime.ids, SessionStopped(reason=WHY, limit="max_seconds"))
    tenant_id = desk.workplace.founder.tenant_id
    async with desk.db.reading(desk.workplace.founder) as tx:
        before = await sessions.get_session(tx, worker.session_id)
    await worker.propose(ASK)
    ended = await sessions.end_session(runtime.db.hot, tenant_id, ending_of(before), said)
    assert (ended, (await worker.read())["status"]) == ("redo", "active")
    async with desk.db.reading(desk.workplace.founder) as tx:
        now = await sessions.get_session(tx, worker.session_id)
    ended = await sessions.end_session(runtime.db.hot, tenant_id, ending_of(now), said)
    assert (ended, (await worker.read())["status"]) == ("ok", "expired")


async def test_a_session_without_such_a_limit_is_never_looked_at(
    desk: Desk, server: Server, database_name: str
) -> None:
    worker = await desk.worker()
    assert await due(server, database_name, worker) == 0


async def test_a_session_that_closes_goes_on_to_its_end(
    desk: Desk, runtime: Runtime, age: Age
) -> None:
    worker = (await begun(desk, HOUR)).worker
    (call,) = await worker.propose(NOTE)
    await worker.post("close", {})
    await age(worker, 3601)
    await look(runtime)
    assert (await worker.read())["status"] == "closing"
    assert not (await worker.report(call))["late"]


async def test_what_a_close_cancels_lets_the_time_of_the_session_run_on(
    desk: Desk, server: Server, database_name: str, age: Age
) -> None:
    worker = await desk.worker()
    await worker.propose(NOTE)
    await worker.propose(ASK)
    await age(worker, 100)
    await worker.post("close", {})
    admin = await asyncpg.connect(server.admin(database_name))
    row = await admin.fetchrow(
        "SELECT waiting_since, waited_us FROM placet.replay_session WHERE session_id = $1",
        worker.session_id,
    )
    await admin.close()
    assert row is not None
    assert row["waiting_since"] is None
    assert row["waited_us"] > 99_000_000
