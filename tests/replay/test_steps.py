"""Two requests in one commit: calls at once, and receipts that carry the next preflight."""

from typing import Any

import httpx
from tests.replay.desk import REQUEST_HASH, Desk, Worker

NOTE = ("note", {"text": "called back"})
OTHER = ("note", {"text": "wrote a letter"})
NEXT = {"request_hash": REQUEST_HASH}


async def call(
    worker: Worker, key: str, *calls: tuple[str, object], by: str | None = None
) -> httpx.Response:
    body = {"tool_calls": worker.proposal({"prepared_request_id": 0, "request_hash": 0}, *calls)}
    asked = {"tool_calls": body["tool_calls"]["tool_calls"]}
    headers = {"Placet-Binding": by or worker.binding, "Idempotency-Key": key}
    return await worker.desk.post(f"{worker.path}/calls", asked, **headers)


async def kinds(worker: Worker) -> list[str]:
    return [event["type"] for event in await worker.events()]


async def report(
    worker: Worker, made: dict[str, Any], status: str = "succeeded", output: object = None
) -> dict[str, Any]:
    return await worker.report(made, status, output, next=NEXT)


async def test_calls_at_once_are_prepared_decided_and_granted(desk: Desk) -> None:
    worker = await desk.worker()
    answered = (await call(worker, "one", NOTE, ("delete_customer", {"customer": "c"}))).json()
    assert [made["status"] for made in answered["calls"]] == ["granted", "blocked"]
    assert answered["calls"][0]["grant"] is not None
    assert answered["request_seq"] == 1
    assert (await kinds(worker))[-4:] == [
        "RequestPrepared",
        "ProposalDecided",
        "CallProposed",
        "CallProposed",
    ]
    assert (await worker.report(answered["calls"][0]))["commit_state"] == "committed"


async def test_the_same_key_again_gets_the_same_calls_and_registers_nothing(desk: Desk) -> None:
    worker = await desk.worker()
    first = (await call(worker, "one", NOTE)).json()
    before = await kinds(worker)
    again = (await call(worker, "one", NOTE)).json()
    assert again["replayed"]
    assert [made["call_id"] for made in again["calls"]] == [
        made["call_id"] for made in first["calls"]
    ]
    assert await kinds(worker) == before


async def test_another_key_makes_other_calls(desk: Desk) -> None:
    worker = await desk.worker()
    first = (await call(worker, "one", NOTE)).json()
    second = (await call(worker, "two", NOTE)).json()
    assert not second["replayed"]
    assert first["calls"][0]["call_id"] != second["calls"][0]["call_id"]


async def test_the_same_key_on_another_session_stands_for_itself(desk: Desk) -> None:
    first = (await call(await desk.worker(), "one", NOTE)).json()
    second = (await call(await desk.worker(), "one", NOTE)).json()
    assert not second["replayed"]
    assert first["calls"][0]["call_id"] != second["calls"][0]["call_id"]


async def test_a_key_stands_for_one_body_and_one_holder(desk: Desk) -> None:
    worker = await desk.worker()
    await call(worker, "one", NOTE)
    before = await kinds(worker)
    other = await call(worker, "one", OTHER)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    await worker.lease("release")
    heir = await desk.worker(worker.session_id)
    theirs = await call(heir, "one", NOTE)
    assert (theirs.status_code, theirs.json()["code"]) == (409, "idempotency_conflict")
    assert [kind for kind in await kinds(worker) if not kind.startswith("Lease")] == [
        kind for kind in before if not kind.startswith("Lease")
    ]


async def test_a_refusal_leaves_no_prepared_request(desk: Desk) -> None:
    worker = await desk.worker()
    overtaken = worker.binding
    await worker.lease("release")
    heir = await desk.worker(worker.session_id)
    refused = await call(worker, "one", NOTE, by=overtaken)
    assert (refused.status_code, refused.json()["code"]) == (409, "lease_lost")
    # The next request is the first of the session: none was prepared before it.
    assert (await heir.prepare())["request_seq"] == 1


async def test_facts_that_moved_leave_no_request_that_nobody_answered(desk: Desk) -> None:
    # Both want one effect; who comes second is decided again, on the key that was taken.
    first, second = await desk.worker(), await desk.worker()
    refund = ("issue_refund", {"order_id": "ord_1234abcd", "amount_cents": 100})
    for worker in (first, second):
        await worker.look_up("ord_1234abcd")
    assert (await call(first, "one", refund)).json()["calls"][0]["status"] == "granted"
    answered = (await call(second, "one", refund)).json()
    assert answered["calls"][0]["status"] == "blocked"
    assert (answered["calls"][0]["reasons"][0]["code"], answered["request_seq"]) == (
        "effect_key_taken",
        2,
    )
    assert (await kinds(second)).count("RequestPrepared") == 2


async def test_calls_at_once_need_a_key(desk: Desk) -> None:
    worker = await desk.worker()
    asked = {"tool_calls": [{"id": "a", "name": "note", "arguments": '{"text": "x"}'}]}
    answered = await desk.client.post(
        f"{worker.path}/calls",
        json=asked,
        headers={
            "Authorization": f"Bearer {desk.runtime_key}",
            "Placet-Binding": worker.binding,
        },
    )
    assert (answered.status_code, answered.json()["code"]) == (428, "idempotency_key_required")


async def test_a_receipt_carries_the_next_preflight(desk: Desk) -> None:
    worker = await desk.worker()
    (made,) = await worker.propose(NOTE)
    prepared = (await report(worker, made))["next"]
    assert prepared["request_seq"] == 2
    answered = await worker.post("proposals", worker.proposal(prepared, NOTE))
    assert answered.json()["calls"][0]["status"] == "granted"


async def test_the_next_request_is_narrowed_on_what_the_receipt_led_to(desk: Desk) -> None:
    worker = await desk.worker()
    (made,) = await worker.propose(("lookup_order", {"order_id": "ord_1234abcd"}))
    first = await report(worker, made, output={"status": "delivered"})
    assert first["current_phase"] == "verified"
    assert "issue_refund" in first["next"]["tools"]
    assert first["state_version"] == first["next"]["state_version"]
    assert first["next"]["tools"] == (await worker.prepare())["tools"]


async def test_a_receipt_that_settles_nothing_carries_what_is_true(desk: Desk) -> None:
    worker = await desk.worker()
    (made,) = await worker.propose(("lookup_order", {"order_id": "ord_1234abcd"}))
    told = await report(worker, made, status="unknown")
    assert told["current_phase"] == "intake"
    assert "issue_refund" not in told["next"]["tools"]


async def test_a_receipt_that_moves_nothing_after_all_is_not_narrowed_as_if_it_had(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    (made,) = await worker.propose(("lookup_order", {"order_id": "ord_1234abcd"}))
    # Only the database sees that other arguments ran than those that were granted.
    told = await report(
        worker, {**made, "arguments_hash": "cd" * 32}, output={"status": "delivered"}
    )
    assert (told["conflicting"], told["current_phase"]) == (True, "intake")
    assert "issue_refund" not in told["next"]["tools"]


async def test_a_receipt_is_kept_where_the_next_request_is_refused(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_1234abcd")
    (made,) = await worker.propose(("close_case", {"case_id": "c"}))
    told = await report(worker, made)
    assert (told["commit_state"], told["next"]) == ("committed", None)
    assert (await worker.read())["status"] in {"closing", "completed"}


async def test_a_late_receipt_is_kept_and_prepares_nothing(desk: Desk) -> None:
    worker = await desk.worker()
    (made,) = await worker.propose(NOTE)
    await worker.lease("release")
    await desk.worker(worker.session_id)
    told = await report(worker, made)
    assert (told["late"], told["next"]) == (True, None)


async def test_a_receipt_again_is_the_same_receipt_whatever_it_carries(desk: Desk) -> None:
    worker = await desk.worker()
    (made,) = await worker.propose(NOTE)
    body = worker.receipt(made)
    first = (await worker.post("receipts", body)).json()
    again = (await worker.post("receipts", {**body, "next": NEXT})).json()
    assert (again["receipt_id"], again["replayed"]) == (first["receipt_id"], True)
    assert again["next"]["request_seq"] == 2
