"""The sweeper on a real database: what is overdue, what is done."""

from collections.abc import Collection
from uuid import UUID

import pytest
from litestar import Litestar
from tests.replay.desk import Desk, Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all

from placet.replay.calls import store
from placet.replay.calls.model import ReplayExecutionReceipt
from placet.replay.calls.runtime import Runtime
from placet.storage.database import Reading
from placet.storage.work import SWEEP_SESSION, take_due

__all__ = ["let_time_pass"]


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    found = app.state[Runtime.__name__]
    assert isinstance(found, Runtime)
    return found


async def statuses(worker: Worker) -> dict[str, str]:
    pending = (await worker.read("pending"))["pending"]
    return {call["call_id"]: call["status"] for call in pending}


async def test_a_started_call_without_a_receipt_becomes_unknown_and_keeps_its_effect(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    refund = ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 100})
    (call,) = await worker.propose(refund)
    await worker.start(call)
    await let_time_pass(worker)
    await sweep_all(runtime)
    assert await statuses(worker) == {call["call_id"]: "unknown"}
    (again,) = await worker.propose(refund)
    assert again["reasons"][0]["code"] == "effect_key_taken"


async def test_a_grant_that_was_never_redeemed_is_abandoned_and_frees_its_effect(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    refund = ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 100})
    (call,) = await worker.propose(refund)
    await let_time_pass(worker)
    await sweep_all(runtime)
    assert await statuses(worker) == {}
    assert (await worker.events())[-1]["type"] == "CallAbandoned"
    assert (await worker.start(call)).json()["code"] == "transition_not_allowed"
    (again,) = await worker.propose(refund)
    assert again["status"] == "granted"


async def test_an_ask_that_nobody_answers_is_denied(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("escalate", {"reason": "r"}))
    assert await statuses(worker) == {call["call_id"]: "awaiting_approval"}
    await let_time_pass(worker)
    await sweep_all(runtime)
    assert await statuses(worker) == {}
    assert (await worker.events())[-1]["type"] == "AskExpired"


async def test_a_closing_session_completes_when_nothing_is_open(
    desk: Desk, runtime: Runtime
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (open_call,) = await worker.propose(("note", {"text": "still out"}))
    (closing,) = await worker.propose(("close_case", {"case_id": "1"}))
    await worker.report(closing)
    await sweep_all(runtime)
    assert (await worker.read())["status"] == "closing"
    await worker.report(open_call)
    await sweep_all(runtime)
    session = await worker.read()
    assert (session["status"], session["ended_at"] is not None) == ("completed", True)
    assert (await worker.events())[-1]["type"] == "SessionFinished"


async def test_a_call_that_was_overdue_when_its_session_began_to_close_is_swept_all_the_same(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(("note", {"text": "still out"}))
    await let_time_pass(worker)
    (closing,) = await worker.propose(("close_case", {"case_id": "1"}))
    await worker.report(closing)
    assert (await worker.read())["status"] == "closing"
    await sweep_all(runtime)
    assert await statuses(worker) == {call["call_id"]: "unknown"}


async def test_a_late_receipt_after_the_sweep_settles_nothing_until_it_is_cited(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "slow"}))
    await let_time_pass(worker)
    await sweep_all(runtime)
    receipt = await worker.report(call)
    assert receipt["call_status"] == "unknown"
    asked = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "reason": "it came late",
        "receipt_id": receipt["receipt_id"],
    }
    settled = await worker.post("settlements", asked)
    assert settled.json()["commit_state"] == "committed"


async def test_what_one_sweeper_took_the_other_leaves(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.propose(("note", {"text": "a"}))
    await let_time_pass(worker)
    taken: list[list[UUID]] = [
        [w.ref for w in await take_due(runtime.db, SWEEP_SESSION, limit=100, lease_seconds=30)]
        for _ in range(2)
    ]
    assert worker.session_id in taken[0]
    assert worker.session_id not in taken[1]


async def test_a_sweep_decides_so_many_calls_and_the_next_one_the_rest(
    desk: Desk, runtime: Runtime, let_time_pass: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await desk.worker()
    for order in ("ord_00000001", "ord_00000002", "ord_00000003"):
        await worker.look_up(order)
        await worker.propose(("issue_refund", {"order_id": order, "amount_cents": 100}))
    assert (await worker.post("close", {"reason": "done"})).json()["status"] == "closing"
    await let_time_pass(worker)
    monkeypatch.setattr("placet.replay.calls.sweep.OVERDUE_MAX", 2)
    await sweep_all(runtime)
    assert list((await statuses(worker)).values()) == ["granted"]
    assert (await worker.read())["status"] == "closing"
    await sweep_all(runtime)
    assert await statuses(worker) == {}
    assert (await worker.read())["status"] == "completed"


async def test_a_sweep_reads_one_output_of_a_call_however_much_was_reported(
    desk: Desk, runtime: Runtime, let_time_pass: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await desk.worker()
    settled, open_ended = await worker.propose(("note", {"text": "a"}), ("note", {"text": "b"}))
    with monkeypatch.context() as once:
        once.setattr("placet.replay.calls.report.ATTEMPTS", 1)
        for number in range(5):
            await worker.report(settled, output={"id": number})
            await worker.report(open_ended, "timed_out", output={"id": number})
    await let_time_pass(worker)
    read: list[UUID] = []
    list_receipts = store.list_receipts

    async def receipts(
        tx: Reading, session_id: UUID, asked: Collection[UUID]
    ) -> dict[UUID, ReplayExecutionReceipt]:
        read.extend(asked)
        return await list_receipts(tx, session_id, asked)

    monkeypatch.setattr(store, "list_receipts", receipts)
    await sweep_all(runtime)
    assert await statuses(worker) == {open_ended["call_id"]: "unknown"}
    said = [event for event in await worker.events() if event["type"] == "CallSettled"]
    first = next(e for e in await worker.events() if e["type"] == "ReceiptReceived")
    assert [event["body"]["receipt_id"] for event in said] == [first["body"]["receipt_id"]]
    assert [str(receipt_id) for receipt_id in read] == [first["body"]["receipt_id"]]
