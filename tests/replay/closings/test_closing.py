"""Closing a session over HTTP, and who works on in one that closes."""

import asyncpg
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.replay.desk import Desk, Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all

from placet.replay.calls.runtime import Runtime

__all__ = ["let_time_pass"]

NOTE = ("note", {"text": "a"})
ASK = ("escalate", {"reason": "r"})


@pytest.fixture
def app_runtime(app: Litestar) -> Runtime:
    found = app.state[Runtime.__name__]
    assert isinstance(found, Runtime)
    return found


async def close(worker: Worker, key: str | None = None, **more: str) -> dict[str, object]:
    answered = await worker.post("close", more, key)
    assert answered.status_code == 200, answered.text
    made: dict[str, object] = answered.json()
    return made


async def types(worker: Worker) -> list[str]:
    return [event["type"] for event in await worker.events()]


async def test_closing_an_idle_session_completes_it_at_once(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    closed = await close(worker, reason="the case is done")
    assert (closed["status"], closed["unsettled"], closed["cancelled"]) == ("completed", [], [])
    session = await worker.read("pending")
    assert (session["status"], session["ended_why"]) == ("completed", "the case is done")
    assert session["ended_at"] is not None
    assert session["pending"] == []
    assert (await types(worker))[-2:] == ["SessionClosed", "SessionFinished"]


async def test_a_closed_session_waits_for_what_is_out_and_cancels_what_waits(
    desk: Desk, app_runtime: Runtime
) -> None:
    worker = await desk.worker()
    (granted,) = await worker.propose(NOTE)
    (asked,) = await worker.propose(ASK)
    closed = await close(worker)
    assert closed["status"] == "closing"
    assert closed["unsettled"] == [granted["call_id"]]
    assert closed["cancelled"] == [asked["call_id"]]
    refused = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert (refused.status_code, refused.json()["code"]) == (410, "session_closing")
    receipt = await worker.report(granted)
    assert (receipt["late"], receipt["call_status"]) == (False, "settled")
    await sweep_all(app_runtime)
    assert (await worker.read())["status"] == "completed"
    assert (await types(worker))[-1] == "SessionFinished"


async def test_closing_twice_is_one_close_under_any_fence(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.propose(NOTE)
    first = await close(worker)
    worker.binding = ""
    again = await close(worker)
    assert again == first | {"replayed": True}
    assert (await types(worker)).count("SessionClosed") == 1


async def test_an_agent_without_the_lease_closes_nothing(desk: Desk) -> None:
    worker = await desk.worker()
    other = Worker(desk, worker.session_id)
    answered = await other.post("close", {})
    assert (answered.status_code, answered.json()["code"]) == (409, "lease_lost")
    await worker.lease("release")
    released = await worker.post("close", {})
    assert (released.status_code, released.json()["code"]) == (409, "lease_lost")
    assert (await worker.read())["status"] == "active"


async def test_an_operator_closes_without_the_lease(desk: Desk) -> None:
    worker = await desk.worker()
    closed = await close(Worker(desk, worker.session_id), desk.operator_key, reason="it hangs")
    assert closed["status"] == "completed"
    assert (await worker.read())["ended_why"] == "it hangs"


@pytest.mark.parametrize("status", ["killed", "completed"])
async def test_what_has_ended_is_not_closed_again(desk: Desk, status: str) -> None:
    worker = await desk.worker()
    if status == "killed":
        await worker.post("kill", {"reason": "enough"}, desk.operator_key)
        answered = await worker.post("close", {})
        assert (answered.status_code, answered.json()["code"]) == (410, "session_killed")
    else:
        await close(worker)
        killed = await worker.post("kill", {"reason": "enough"}, desk.operator_key)
        assert (killed.status_code, killed.json()["code"]) == (410, "session_completed")
        assert (await close(worker))["replayed"]


async def test_a_session_of_a_killed_tenant_is_not_closed(desk: Desk) -> None:
    worker = await desk.worker()
    await desk.kill_tenant()
    answered = await worker.post("close", {})
    assert (answered.status_code, answered.json()["code"]) == (410, "tenant_killed")


async def test_a_session_that_closes_by_its_phase_is_closed_of_its_asks_too(
    desk: Desk, app_runtime: Runtime
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (asked,) = await worker.propose(ASK)
    (last,) = await worker.propose(("close_case", {"case_id": "1"}))
    await worker.report(last)
    assert (await worker.read("pending"))["pending"] == []
    row = await worker.desk.get(f"{worker.path}/calls/{asked['call_id']}")
    assert row.json()["status"] == "cancelled"
    closed = await close(worker)
    assert (closed["cancelled"], closed["status"], closed["replayed"]) == ([], "closing", True)
    await sweep_all(app_runtime)
    assert (await worker.read())["status"] == "completed"


async def test_an_heir_takes_over_a_session_that_closes(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(NOTE)
    await close(worker)
    assert (await worker.lease("renew")).status_code == 200
    assert (await worker.lease("release")).status_code == 200
    heir = await desk.worker(worker.session_id)
    assert heir.fence > worker.fence
    late = await worker.report(call)
    assert late["late"]
    settlement = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "reason": "cited",
        "receipt_id": late["receipt_id"],
    }
    stale = await worker.post("settlements", settlement)
    assert (stale.status_code, stale.json()["code"]) == (409, "lease_lost")
    assert (await heir.post("settlements", settlement)).status_code == 200
    refused = await heir.post("preflight", {"request_hash": "ab" * 32})
    assert (refused.status_code, refused.json()["code"]) == (410, "session_closing")


async def test_a_lease_of_a_closing_session_is_still_one_lease(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.propose(NOTE)
    await close(worker)
    other = Worker(desk, worker.session_id)
    answered = await other.lease()
    assert (answered.status_code, answered.json()["code"]) == (409, "lease_held")
    assert (await other.lease("steal", reason="it hangs")).status_code == 200
    lost = await worker.lease("renew")
    assert (lost.status_code, lost.json()["code"]) == (409, "lease_lost")


async def test_an_expired_approval_lets_a_closing_session_be_brought_to_its_end(
    desk: Desk, server: Server, database_name: str
) -> None:
    idle, busy = await desk.worker(), await desk.worker()
    (call,) = await busy.propose(NOTE)
    await close(busy)
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.execute(
        "UPDATE placet.replay_session SET authority_until = clock_timestamp()"
        " WHERE session_id = ANY ($1)",
        [idle.session_id, busy.session_id],
    )
    await admin.close()
    barred = await idle.lease()
    assert (barred.status_code, barred.json()["code"]) == (410, "authority_expired")
    assert (await busy.lease()).status_code == 200
    assert (await busy.report(call))["call_status"] == "settled"
    assert (await close(idle))["status"] == "completed"


async def test_a_call_of_a_closed_session_that_nobody_reports_is_swept(
    desk: Desk, app_runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.propose(NOTE)
    await close(worker)
    await let_time_pass(worker)
    await sweep_all(app_runtime)
    session = await worker.read("pending")
    assert session["status"] == "closing"
    assert [call["status"] for call in session["pending"]] == ["unknown"]
