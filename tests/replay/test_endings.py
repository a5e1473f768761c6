"""Sessions whose approval was revoked or has expired, over HTTP and by the worker."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.replay.desk import AGENT, Desk, Worker

from placet.replay.calls.runtime import Runtime
from placet.replay.sessions import endings
from placet.replay.sessions.endings import END_SESSIONS, end_sessions
from placet.storage.work import WorkDue

NOTE = ("note", {"text": "called back"})
REASON = "it pays too much"
Expire = Callable[[Worker], Awaitable[None]]


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    found = app.state[Runtime.__name__]
    assert isinstance(found, Runtime)
    return found


@pytest.fixture
def expire(server: Server, database_name: str) -> Expire:
    """Let the approval of a session have run out, as only time itself can."""

    async def passing(worker: Worker) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        await admin.execute(
            "UPDATE placet.replay_session SET authority_until = now() - interval '1 second'"
            " WHERE session_id = $1",
            worker.session_id,
        )
        await admin.execute(
            "UPDATE placet.plans_plan SET approval_expires_at = now() - interval '1 second'"
            " WHERE tenant_id = $1",
            worker.desk.workplace.tenant_id,
        )
        await admin.close()

    return passing


async def revoke(desk: Desk) -> httpx.Response:
    path = f"/api/v1/studio/approvals/{desk.approval_id}/revoke"
    return await desk.post(path, {"reason": REASON}, desk.operator_key)


async def write_down(desk: Desk, runtime: Runtime, worker: Worker) -> int:
    """Let a worker see to the sessions under the artifact of a session."""
    artifact = UUID((await worker.read())["artifact_id"])
    async with desk.db.reading(desk.runtime) as tx:
        now = await tx.now()
    work = WorkDue(tenant_id=desk.workplace.tenant_id, kind=END_SESSIONS, ref=artifact, due_at=now)
    return await end_sessions(desk.db, runtime.ids, work)


async def refused_everywhere(worker: Worker, call: dict[str, object], code: str) -> None:
    for verb, body in (
        ("preflight", {"request_hash": "ab" * 32}),
        ("lease", {"action": "renew", "holder": worker.holder, "request_id": str(UUID(int=1))}),
        ("lease", {"action": "grant", "holder": worker.holder, "request_id": str(UUID(int=2))}),
        (f"calls/{call['call_id']}/start", {"start_id": str(UUID(int=3))}),
    ):
        answered = await worker.post(verb, body)
        assert (answered.status_code, answered.json()["code"]) == (410, code), answered.text
        assert answered.json()["action"] == "stop"


async def test_after_a_revocation_nothing_is_granted_or_started_in_a_session_under_it(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(NOTE)
    prepared = await worker.prepare()
    revoked = await revoke(desk)
    assert revoked.status_code == 200, revoked.text
    assert (revoked.json()["status"], revoked.json()["sessions_open"]) == ("revoked", 1)
    proposed = await worker.post("proposals", worker.proposal(prepared, NOTE))
    assert (proposed.status_code, proposed.json()["code"]) == (410, "artifact_revoked")
    await refused_everywhere(worker, call, "artifact_revoked")
    opened = await desk.post("/api/v1/replay/sessions", {})
    assert (opened.status_code, opened.json()["code"]) == (409, "no_authority")
    assert (await worker.read())["status"] == "killed"
    listed = await desk.get("/api/v1/replay/sessions", desk.workplace.founder_key)
    assert [each["status"] for each in listed.json()["items"]] == ["killed"]
    plan = await desk.get(f"/api/v1/governance/plan?agent={AGENT}&environment=staging")
    assert (plan.json()["status"], plan.json()["artifact_id"]) == ("READY", None)


async def test_what_is_out_when_an_approval_is_revoked_is_still_reported(
    desk: Desk, runtime: Runtime
) -> None:
    worker = await desk.worker()
    first, second = await worker.propose(NOTE, NOTE)
    await revoke(desk)
    assert (await worker.report(first))["call_status"] == "settled"
    await write_down(desk, runtime, worker)
    late = await worker.report(second)
    assert (late["late"], late["call_status"]) == (True, "granted")


async def test_a_proposal_sent_again_after_a_revocation_gets_its_answer_without_a_grant(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    body = worker.proposal(await worker.prepare(), NOTE)
    first = (await worker.post("proposals", body)).json()
    await revoke(desk)
    again = await worker.post("proposals", body)
    assert again.status_code == 200
    assert first["calls"][0]["grant"] is not None
    assert (again.json()["calls"][0]["status"], again.json()["calls"][0]["grant"]) == (
        "granted",
        None,
    )


async def test_a_proposal_sent_again_after_the_expiry_gets_its_answer_without_a_grant(
    desk: Desk, expire: Expire
) -> None:
    worker = await desk.worker()
    body = worker.proposal(await worker.prepare(), NOTE)
    first = (await worker.post("proposals", body)).json()
    await expire(worker)
    again = await worker.post("proposals", body)
    assert first["calls"][0]["grant"] is not None
    assert again.json()["calls"][0]["grant"] is None


async def test_after_its_expiry_nothing_is_granted_or_started_under_an_approval(
    desk: Desk, expire: Expire
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(NOTE)
    prepared = await worker.prepare()
    await expire(worker)
    proposed = await worker.post("proposals", worker.proposal(prepared, NOTE))
    assert (proposed.status_code, proposed.json()["code"]) == (410, "authority_expired")
    await refused_everywhere(worker, call, "authority_expired")
    opened = await desk.post("/api/v1/replay/sessions", {})
    assert (opened.status_code, opened.json()["code"]) == (409, "no_authority")
    assert (await worker.read())["status"] == "expired"
    assert (await worker.report(call))["call_status"] == "settled"


async def test_a_worker_writes_down_that_a_revoked_session_ended_and_cancels_what_waits(
    desk: Desk, runtime: Runtime
) -> None:
    worker = await desk.worker()
    await worker.propose(("escalate", {"reason": "r"}))
    await revoke(desk)
    assert await write_down(desk, runtime, worker) == 1
    assert await write_down(desk, runtime, worker) == 0
    session = await worker.read("pending")
    assert (session["status"], session["ended_why"]) == (
        "killed",
        f"its approval was revoked: {REASON}",
    )
    assert (session["pending"], session["control_revision"]) == ([], 1)
    told = [event for event in await worker.events() if event["type"] == "SessionStopped"]
    assert [event["control_revision"] for event in told] == [1]
    answered = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert answered.json()["code"] == "artifact_revoked"


async def test_a_worker_writes_down_that_a_session_expired_with_its_approval(
    desk: Desk, runtime: Runtime, expire: Expire
) -> None:
    worker = await desk.worker()
    assert await write_down(desk, runtime, worker) == 0
    await expire(worker)
    assert await write_down(desk, runtime, worker) == 1
    session = await worker.read()
    assert (session["status"], session["ended_why"]) == ("expired", "its approval expired")
    answered = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert answered.json()["code"] == "authority_expired"
    killed = await worker.post("kill", {"reason": "to be sure"}, desk.operator_key)
    assert killed.json()["status"] == "killed"


async def test_a_closing_session_goes_on_to_its_end_when_its_approval_expires(
    desk: Desk, runtime: Runtime, expire: Expire
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(("close_case", {"case_id": "c1"}))
    await worker.report(call, output={})
    await expire(worker)
    assert await write_down(desk, runtime, worker) == 0
    assert (await worker.read())["status"] == "closing"


async def test_a_session_goes_on_under_its_approval_when_a_newer_one_comes_and_ends_with_its_own(
    desk: Desk,
) -> None:
    old = await desk.worker()
    first = desk.approval_id
    await desk.approve_again()
    new = await desk.worker()
    assert (await old.propose(NOTE))[0]["status"] == "granted"
    path = f"/api/v1/studio/approvals/{first}/revoke"
    await desk.post(path, {"reason": REASON}, desk.operator_key)
    answered = await old.post("preflight", {"request_hash": "ab" * 32})
    assert answered.json()["code"] == "artifact_revoked"
    assert (await new.propose(NOTE))[0]["status"] == "granted"


async def test_more_sessions_than_a_batch_are_ended_batch_by_batch(
    desk: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [await desk.worker() for _ in range(3)]
    monkeypatch.setattr(endings, "BATCH", 2)
    await revoke(desk)
    assert [await write_down(desk, runtime, workers[0]) for _ in range(3)] == [2, 1, 0]
    assert None not in [(await worker.read())["ended_at"] for worker in workers]
