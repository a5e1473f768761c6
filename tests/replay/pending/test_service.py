"""What a take-over reads of the calls that are still open."""

from typing import Any

import pytest
from tests.replay.desk import Desk, Worker

from placet.replay.pending import service
from placet.replay.pending.model import OUTPUT_BYTES_MAX, RECEIPTS_MAX


async def pending(worker: Worker) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await worker.read("pending"))["pending"]
    return found


async def test_a_take_over_reads_under_what_a_call_was_granted(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(
        ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 100})
    )
    heir = Worker(desk, worker.session_id)
    await heir.lease("steal", reason="it hangs")
    (seen,) = await pending(heir)
    assert seen["call_id"] == call["call_id"]
    assert (seen["grant_fence"], seen["grant_control_revision"]) == ({"epoch": 1, "n": 1}, 0)
    assert (seen["grant_fence"]["epoch"], seen["grant_fence"]["n"]) < heir.fence
    assert seen["effect_key"] is not None
    assert seen["start_required"]
    assert seen["receipts"] == []


async def test_a_take_over_reads_why_a_call_waits(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.propose(("escalate", {"reason": "r"}))
    (seen,) = await pending(worker)
    assert seen["status"] == "awaiting_approval"
    assert seen["reasons"] != []
    assert (seen["grant_fence"], seen["grant_control_epoch"]) == (None, None)


async def test_the_heir_settles_by_a_receipt_that_it_read(desk: Desk) -> None:
    worker = await desk.worker()
    (call, other) = await worker.propose(("note", {"text": "a"}), ("note", {"text": "b"}))
    heir = Worker(desk, worker.session_id)
    await heir.lease("steal", reason="it hangs")
    await worker.report(call, output={"id": 1}, external_ref="n-1")
    seen = {each["call_id"]: each for each in await pending(heir)}
    assert seen[other["call_id"]]["receipts"] == []
    (receipt,) = seen[call["call_id"]]["receipts"]
    assert (receipt["status"], receipt["late"], receipt["evidence_level"]) == (
        "succeeded",
        True,
        "client_reported",
    )
    assert (receipt["output"], receipt["external_ref"]) == ('{"id":1}', "n-1")
    assert receipt["fence"] == {"epoch": 1, "n": 1}
    settlement = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": receipt["status"],
        "reason": "read at take-over",
        "receipt_id": receipt["receipt_id"],
    }
    assert (await heir.post("settlements", settlement)).json()["call_status"] == "settled"
    assert [each["call_id"] for each in await pending(heir)] == [other["call_id"]]


async def test_what_is_shown_of_receipts_has_a_bound(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    await worker.report(call, "timed_out", output="x" * OUTPUT_BYTES_MAX)
    for _ in range(RECEIPTS_MAX):
        await worker.report(call, "timed_out", output="y")
    (seen,) = await pending(worker)
    assert len(seen["receipts"]) == RECEIPTS_MAX
    first, second, *_ = seen["receipts"]
    assert (first["output"], second["output"]) == (None, '"y"')
    assert first["output_hash"] is not None


async def test_long_arguments_are_shown_by_their_hash_alone(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.propose(("note", {"text": "x" * OUTPUT_BYTES_MAX}))
    (seen,) = await pending(worker)
    assert seen["arguments"] is None
    assert len(seen["arguments_hash"]) == 64


async def test_of_many_open_calls_the_first_are_shown_and_that_there_are_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PENDING_MAX", 2)
    worker = await desk.worker()
    one, two = await worker.propose(("note", {"text": "1"}), ("note", {"text": "2"}))
    assert not (await worker.read("pending"))["more_pending"]
    await worker.propose(("note", {"text": "3"}))
    read = await worker.read("pending")
    assert [each["call_id"] for each in read["pending"]] == [one["call_id"], two["call_id"]]
    assert read["more_pending"]


async def test_only_a_key_that_runs_the_agent_reads_what_a_tool_answered(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    await worker.report(call, "timed_out", output={"secret": 1})
    reader = await desk.get(f"{worker.path}?include=pending", desk.operator_key)
    (shown,) = reader.json()["pending"][0]["receipts"]
    assert (shown["output"], shown["output_hash"] is not None) == (None, True)
    (own,) = (await pending(worker))[0]["receipts"]
    assert own["output"] == '{"secret":1}'
