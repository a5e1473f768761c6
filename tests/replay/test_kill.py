"""Kills over HTTP: of a session, and of the tenant through the gate."""

import pytest
from tests.replay.desk import Desk


async def test_a_killed_session_takes_receipts_and_nothing_else(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    await worker.propose(("escalate", {"reason": "r"}))
    killed = await worker.post("kill", {"reason": "it raves"}, desk.operator_key)
    assert killed.status_code == 200
    assert killed.json()["unconfirmed"] == [call["call_id"]]
    assert killed.json()["control_revision"] == 1
    for verb, body in (
        ("preflight", {"request_hash": "ab" * 32}),
        ("lease", {"action": "renew", "holder": worker.holder, "request_id": str(desk.ids.new())}),
        (f"calls/{call['call_id']}/start", {"start_id": str(desk.ids.new())}),
    ):
        answered = await worker.post(verb, body)
        assert (answered.status_code, answered.json()["code"]) == (410, "session_killed")
    late = await worker.report(call)
    assert late["late"]
    assert late["call_status"] == "granted"
    session = await worker.read("pending")
    assert (session["status"], session["ended_why"]) == ("killed", "it raves")
    assert [c["call_id"] for c in session["pending"]] == [call["call_id"]]


async def test_killing_twice_is_one_kill(desk: Desk) -> None:
    worker = await desk.worker()
    first = (await worker.post("kill", {"reason": "one"}, desk.operator_key)).json()
    again = (await worker.post("kill", {"reason": "two"}, desk.operator_key)).json()
    assert again == first | {"replayed": True}
    assert [e["type"] for e in await worker.events()].count("SessionStopped") == 1


async def test_an_agent_cannot_kill(desk: Desk) -> None:
    worker = await desk.worker()
    answered = await worker.post("kill", {"reason": "no"})
    assert (answered.status_code, answered.json()["code"]) == (403, "scope_missing")
    assert (await worker.read())["status"] == "active"


async def test_a_tenant_kill_stops_proposals_and_starts_and_new_sessions(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(
        ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 100})
    )
    prepared = await worker.prepare()
    killed = await desk.kill_tenant()
    assert killed.status_code == 201, killed.text
    assert killed.json()["control_epoch"] == 1
    proposed = await worker.post(
        "proposals", worker.proposal(prepared, ("note", {"text": "after"}))
    )
    started = await worker.start(call)
    opened = await desk.post("/api/v1/replay/sessions", {})
    again = await worker.post("preflight", {"request_hash": "ab" * 32})
    renewed = await worker.lease("renew")
    for answered in (proposed, started, opened, again, renewed):
        assert (answered.status_code, answered.json()["code"]) == (410, "tenant_killed")
    assert (await worker.read())["status"] == "killed"
    receipt = await worker.report(call, "failed")
    assert receipt["call_status"] == "settled"


async def test_a_replayed_proposal_gives_no_grant_after_a_kill(desk: Desk) -> None:
    worker = await desk.worker()
    body = worker.proposal(await worker.prepare(), ("note", {"text": "a"}))
    first = (await worker.post("proposals", body)).json()
    await desk.kill_tenant()
    again = await worker.post("proposals", body)
    assert again.status_code == 200
    assert first["calls"][0]["grant"] is not None
    assert again.json()["calls"][0]["grant"] is None
    assert again.json()["calls"][0]["status"] == "granted"


async def test_a_kill_under_the_same_key_again_is_the_same_kill(desk: Desk) -> None:
    asked = {"kind": "tenant", "effect": "kill", "reason": "enough"}
    path = "/api/v1/authority/controls"
    first = await desk.post(path, asked, desk.operator_key, Idempotency_Key="k1")
    again = await desk.post(path, asked, desk.operator_key, Idempotency_Key="k1")
    other = await desk.post(
        path, asked | {"reason": "more"}, desk.operator_key, Idempotency_Key="k1"
    )
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize("reason", ["", "x" * 1001])
async def test_a_kill_needs_a_reason_of_a_sane_length(desk: Desk, reason: str) -> None:
    worker = await desk.worker()
    answered = await worker.post("kill", {"reason": reason}, desk.operator_key)
    assert (answered.status_code, answered.json()["code"]) == (400, "malformed_body")
