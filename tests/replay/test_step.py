"""One governed step over HTTP, on a real database."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from tests.replay.desk import CONTRACT, Desk
from tests.replay.passing import Pass, let_time_pass

from placet.evidence.ed25519 import PublicKey
from placet.evidence.fields import Fence
from placet.evidence.grant import GrantUse, verify_grant
from placet.kernel.foreign import encode
from placet.kernel.hashing import digest

ORDER = "ord_00000001"
OTHER = "ord_00000002"

__all__ = ["let_time_pass"]


async def test_an_allowed_call_is_granted_executed_and_committed(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("lookup_order", {"order_id": ORDER}))
    assert (call["verdict"], call["status"]) == ("allow", "granted")
    receipt = await worker.report(call, output={"status": "delivered"})
    assert (receipt["call_status"], receipt["commit_state"]) == ("settled", "committed")
    assert receipt["current_phase"] == "verified"
    assert not receipt["late"]


async def test_a_grant_verifies_offline_for_its_own_use_and_for_no_other(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("lookup_order", {"order_id": ORDER}))
    listed = (await desk.get("/api/v1/authority/keys")).json()["server_keys"]
    keys = [
        PublicKey(raw=base64.b64decode(key["public_key"]))
        for key in listed
        if key["purpose"] == "grant"
    ]
    (schema,) = [t["input_schema"] for t in CONTRACT["tools"] if t["tool"] == "lookup_order"]
    use = GrantUse(
        server="orders",
        tool="lookup_order",
        tool_schema_hash=digest("tool_schema", encode(schema)).hex(),
        arguments_hash=digest("arguments", encode({"order_id": ORDER})).hex(),
        at=datetime.fromisoformat(call["grant_expires_at"]) - timedelta(seconds=30),
    )
    envelope = json.dumps(call["grant"]).encode()
    good = verify_grant(envelope, keys, use)
    assert good.is_good, good.detail
    assert good.grant is not None
    assert good.grant.fence == Fence(epoch=worker.fence[0], n=worker.fence[1])
    assert str(good.grant.call_id) == call["call_id"]
    for other in (
        {"arguments_hash": digest("arguments", encode({"order_id": OTHER})).hex()},
        {"tool": "issue_refund"},
        {"at": use.at + timedelta(seconds=30)},
    ):
        assert not verify_grant(envelope, keys, replace(use, **other)).is_good


async def test_a_refused_call_is_blocked_with_every_reason_and_its_neighbour_runs(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    over, allowed = await worker.propose(
        ("issue_refund", {"order_id": ORDER, "amount_cents": 50001}),
        ("note", {"text": "the customer waits"}),
    )
    assert (over["status"], over["blocked_why"], over["layer"]) == ("blocked", "rule", 6)
    assert [r["code"] for r in over["reasons"]] == ["argument_out_of_bounds"]
    assert over["grant"] is None
    assert allowed["status"] == "granted"


async def test_a_refund_needs_a_committed_lookup_of_the_same_order(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (call,) = await worker.propose(("issue_refund", {"order_id": OTHER, "amount_cents": 100}))
    assert (call["status"], call["layer"]) == ("blocked", 5)
    (call,) = await worker.propose(("issue_refund", {"order_id": ORDER, "amount_cents": 100}))
    assert call["status"] == "granted"


async def test_a_granted_call_forbids_what_its_contract_says_before_it_has_run(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (changed,) = await worker.propose(("change_payout_account", {"account": "x"}))
    assert changed["status"] == "granted"
    (refund,) = await worker.propose(("issue_refund", {"order_id": ORDER, "amount_cents": 100}))
    assert (refund["status"], refund["reasons"][0]["code"]) == ("blocked", "forbidden_in_state")
    await worker.report(changed, "failed")
    (refund,) = await worker.propose(("issue_refund", {"order_id": ORDER, "amount_cents": 100}))
    assert refund["status"] == "granted"


async def test_an_effect_is_granted_once_over_all_sessions_of_the_agent(desk: Desk) -> None:
    one, two = await desk.worker(), await desk.worker()
    for worker in (one, two):
        await worker.look_up(ORDER)
    refund = ("issue_refund", {"order_id": ORDER, "amount_cents": 100})
    (first,) = await one.propose(refund)
    (second,) = await two.propose(refund)
    assert first["status"] == "granted"
    assert (second["status"], second["layer"]) == ("blocked", 8)
    assert second["reasons"][0]["code"] == "effect_key_taken"


async def test_a_failure_frees_the_effect_and_a_success_never_does(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    refund = ("issue_refund", {"order_id": ORDER, "amount_cents": 100})
    (first,) = await worker.propose(refund)
    assert (await worker.start(first)).status_code == 200
    await worker.report(first, "failed", error="the bank was closed")
    (second,) = await worker.propose(refund)
    assert second["status"] == "granted"
    await worker.start(second)
    await worker.report(second, "succeeded", output={"state": "refunded"})
    (third,) = await worker.propose(refund)
    assert third["reasons"][0]["code"] == "effect_key_taken"


async def test_a_grant_is_redeemed_once(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (call,) = await worker.propose(("issue_refund", {"order_id": ORDER, "amount_cents": 100}))
    assert call["start_required"]
    start_id = desk.ids.new()
    first = await worker.start(call, start_id)
    again = await worker.start(call, start_id)
    other = await worker.start(call)
    assert (first.status_code, first.json()["replayed"]) == (200, False)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert again.json()["started_at"] == first.json()["started_at"]
    assert (other.status_code, other.json()["code"]) == (409, "transition_not_allowed")


async def test_the_same_proposal_again_gets_the_first_answer(desk: Desk) -> None:
    worker = await desk.worker()
    prepared = await worker.prepare()
    body = worker.proposal(
        prepared, ("note", {"text": "a"}), ("delete_customer", {"customer": "c"})
    )
    first = (await worker.post("proposals", body)).json()
    again = (await worker.post("proposals", body)).json()
    assert again.pop("replayed")
    assert not first.pop("replayed")
    assert again == first
    session = await worker.read("pending")
    assert session["total_tool_calls"] == 1
    assert len(session["pending"]) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"request_hash": "00" * 32}, 409, "request_hash_mismatch"),
        ({"prepared_request_id": "019a0000-0000-7000-8000-000000000000"}, 404, "not_found"),
    ],
)
async def test_a_prepared_request_serves_only_what_it_was_made_for(
    desk: Desk, change: dict[str, str], status: int, code: str
) -> None:
    worker = await desk.worker()
    body = worker.proposal(await worker.prepare(), ("note", {"text": "a"}))
    answered = await worker.post("proposals", body | change)
    assert (answered.status_code, answered.json()["code"]) == (status, code)
    assert (await worker.post("proposals", body)).status_code == 200


async def test_a_prepared_request_is_consumed_by_one_response(desk: Desk) -> None:
    worker = await desk.worker()
    prepared = await worker.prepare()
    await worker.post("proposals", worker.proposal(prepared, ("note", {"text": "a"})))
    answered = await worker.post("proposals", worker.proposal(prepared, ("note", {"text": "b"})))
    assert (answered.status_code, answered.json()["code"]) == (409, "prepared_request_consumed")


async def test_preflight_hides_what_cannot_pass_now_and_says_why(desk: Desk) -> None:
    worker = await desk.worker()
    prepared = await worker.prepare(
        offered_tools=["lookup_order", "issue_refund", "delete_customer", "unheard_of"]
    )
    assert prepared["tools"] == ["lookup_order"]
    assert {h["tool"]: h["code"] for h in prepared["hidden"]} == {
        "issue_refund": "wrong_phase",
        "delete_customer": "denied",
        "unheard_of": "no_contract",
    }


async def test_an_ask_waits_and_grants_nothing(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("escalate", {"reason": "r"}))
    assert (call["verdict"], call["status"]) == ("ask", "awaiting_approval")
    assert call["deadline"] is not None
    assert call["grant"] is None
    started = await worker.start(call)
    assert (started.status_code, started.json()["code"]) == (409, "transition_not_allowed")


async def test_a_receipt_again_is_one_receipt_and_another_body_is_a_conflict(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    body = worker.receipt(call)
    first = (await worker.post("receipts", body)).json()
    again = (await worker.post("receipts", body)).json()
    other = await worker.post("receipts", body | {"status": "failed"})
    assert again == first | {"replayed": True}
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_a_second_report_that_disagrees_is_kept_and_settles_nothing(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    await worker.report(call, "succeeded")
    second = await worker.report(call, "failed")
    assert second["conflicting"]
    assert (second["call_status"], second["execution_state"]) == ("settled", "succeeded")


async def test_a_report_of_other_arguments_settles_nothing(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    receipt = await worker.report(call, arguments_hash="00" * 32)
    assert receipt["conflicting"]
    assert receipt["call_status"] == "granted"


async def test_a_reported_time_out_makes_the_call_unknown_and_an_operator_settles_it(
    desk: Desk, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    refund = ("issue_refund", {"order_id": ORDER, "amount_cents": 100})
    (call,) = await worker.propose(refund)
    await worker.start(call)
    receipt = await worker.report(call, "timed_out")
    assert receipt["call_status"] == "unknown"
    (again,) = await worker.propose(refund)
    assert again["reasons"][0]["code"] == "effect_key_taken"
    asked = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "failed",
        "reason": "the bank says no money moved",
    }
    await let_time_pass(worker)
    settled = await worker.post("settlements", asked, desk.operator_key)
    assert settled.status_code == 200, settled.text
    assert (settled.json()["call_status"], settled.json()["commit_state"]) == ("settled", "refused")
    assert settled.json()["evidence_level"] == "externally_verified"
    repeat = await worker.post("settlements", asked, desk.operator_key)
    assert repeat.json() == settled.json() | {"replayed": True}
    (again,) = await worker.propose(refund)
    assert again["status"] == "granted"


async def test_the_holder_settles_only_by_a_receipt_that_says_so(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    unknown = await worker.report(call, "unknown")
    assert unknown["call_status"] == "unknown"
    late = await worker.report(call, "succeeded")
    asked = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "reason": "the late receipt says so",
    }
    bare = await worker.post("settlements", asked)
    wrong = await worker.post("settlements", asked | {"receipt_id": unknown["receipt_id"]})
    right = await worker.post("settlements", asked | {"receipt_id": late["receipt_id"]})
    assert (bare.status_code, bare.json()["code"]) == (409, "evidence_too_weak")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "evidence_too_weak")
    assert right.json()["commit_state"] == "committed"


async def test_a_terminal_phase_takes_no_more_calls(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (call,) = await worker.propose(("close_case", {"case_id": "1"}))
    await worker.report(call)
    assert (await worker.read())["status"] == "closing"
    answered = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert (answered.status_code, answered.json()["code"]) == (410, "session_closing")


async def test_the_last_holder_settles_what_a_closing_session_left_open(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (open_call,) = await worker.propose(("note", {"text": "a"}))
    (closing,) = await worker.propose(("close_case", {"case_id": "1"}))
    await worker.report(closing)
    await worker.report(open_call, "unknown")
    late = await worker.report(open_call, "succeeded")
    asked = {
        "settlement_id": str(desk.ids.new()),
        "call_id": open_call["call_id"],
        "outcome": "succeeded",
        "reason": "seen in the log",
        "receipt_id": late["receipt_id"],
    }
    settled = await worker.post("settlements", asked)
    assert (settled.status_code, settled.json().get("commit_state")) == (200, "committed")
