"""A session is stopped once: by what came first, and whoever asks again is told the same."""

from typing import Any

import pytest
from litestar import Litestar
from tests.replay.desk import REQUEST_HASH, Desk, Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all
from tests.replay.test_limits import breaker
from tests.replay.test_lost_and_late import keep_without_settling
from tests.replay.twofold import begun

from placet.replay.calls import store
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.writes import SweepWrite
from placet.storage.database import HotPool

__all__ = ["let_time_pass"]

NOTE = ("note", {"text": "called back"})


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    """Return what the service remembers of sessions."""
    made: Runtime = app.state[Runtime.__name__]
    return made


async def stops(worker: Worker) -> list[dict[str, Any]]:
    """Return what the events tell of stops of a session."""
    return [e["body"] for e in await worker.events() if e["type"] == "SessionStopped"]


async def kill(worker: Worker) -> None:
    answered = await worker.desk.post(
        f"{worker.path}/kill", {"reason": "by hand"}, worker.desk.operator_key
    )
    assert answered.status_code == 200, answered.text


def settlement(worker: Worker, call: dict[str, Any]) -> dict[str, str]:
    return {
        "settlement_id": str(worker.desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "failed",
        "reason": "looked at the books",
    }


async def settle(worker: Worker, asked: dict[str, str]) -> dict[str, Any]:
    answered = await worker.post("settlements", asked, worker.desk.operator_key)
    assert answered.status_code == 200, answered.text
    told: dict[str, Any] = answered.json()
    return told


async def test_settlements_after_a_kill_settle_and_stop_nothing_again(
    desk: Desk, let_time_pass: Pass
) -> None:
    worker = (await begun(desk, breaker(consecutive_errors=1))).worker
    calls = await worker.propose(NOTE, NOTE)
    await kill(worker)
    before = await worker.read()
    await let_time_pass(worker)
    told = [await settle(worker, settlement(worker, call)) for call in calls]
    assert [(one["call_status"], one["stopped"]) for one in told] == [("settled", None)] * 2
    after = await worker.read()
    for name in ("status", "control_revision", "ended_why", "ended_at"):
        assert after[name] == before[name], name
    assert await stops(worker) == [{"reason": "by hand", "limit": None, "call_id": None}]
    types = [event["type"] for event in await worker.events()]
    assert types[-2:] == ["CallSettled", "CallSettled"]


async def test_a_sweep_after_a_kill_settles_and_stops_nothing_again(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = (await begun(desk, breaker(consecutive_errors=1))).worker
    (call,) = await worker.propose(NOTE)
    await keep_without_settling(runtime, desk, worker, worker.receipt(call, "failed"))
    await kill(worker)
    before = await worker.read()
    await let_time_pass(worker)
    await sweep_all(runtime)
    after = await worker.read()
    assert (await worker.events())[-1]["type"] == "CallSettled"
    for name in ("status", "control_revision", "ended_why", "ended_at"):
        assert after[name] == before[name], name
    assert len(await stops(worker)) == 1


@pytest.mark.parametrize("status", ["failed", "timed_out"])
async def test_a_receipt_that_comes_again_is_told_of_the_stop_again(
    desk: Desk, status: str
) -> None:
    worker = (await begun(desk, breaker(consecutive_errors=1))).worker
    waits, call = await worker.propose(NOTE, NOTE)
    body = worker.receipt(call, status)
    first, again = [(await worker.post("receipts", body)).json() for _ in range(2)]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["stopped"] == {"limit": "consecutive_errors", "call_id": call["call_id"]}
    assert again["stopped"] == first["stopped"]
    other = worker.receipt(waits, "failed")
    late = [(await worker.post("receipts", other)).json() for _ in range(2)]
    assert [(one["late"], one["stopped"]) for one in late] == [(True, None)] * 2


async def test_a_settlement_that_comes_again_is_told_of_the_stop_again(
    desk: Desk, let_time_pass: Pass
) -> None:
    worker = (await begun(desk, breaker(consecutive_errors=1))).worker
    (call,) = await worker.propose(NOTE)
    await worker.report(call, "unknown")
    await let_time_pass(worker)
    asked = settlement(worker, call)
    first, again = [await settle(worker, asked) for _ in range(2)]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["stopped"] == {"limit": "consecutive_errors", "call_id": call["call_id"]}
    assert again["stopped"] == first["stopped"]
    assert (await worker.read())["control_revision"] == 1


async def test_a_session_closed_while_the_sweeper_looked_stays_closed(
    desk: Desk, runtime: Runtime, let_time_pass: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await desk.worker()
    await worker.propose(NOTE)
    await let_time_pass(worker)
    sweep, came = store.sweep, list[str]()

    async def close_first(hot: HotPool, write: SweepWrite) -> str:
        if write.session_id != worker.session_id:
            return await sweep(hot, write)
        if not came:
            assert (await worker.post("close", {})).json()["status"] == "closing"
        came.append(await sweep(hot, write))
        return came[-1]

    monkeypatch.setattr(store, "sweep", close_first)
    await sweep_all(runtime)
    assert came == ["redo", "ok"]
    assert (await worker.read())["status"] == "closing"
    refused = await worker.post("preflight", {"request_hash": REQUEST_HASH})
    assert refused.json()["code"] == "session_closing"


async def test_a_sweep_that_settles_the_last_call_of_all_completes_the_session(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(("close_case", {"case_id": "c1"}))
    await keep_without_settling(runtime, desk, worker, worker.receipt(call))
    await let_time_pass(worker)
    for _ in range(2):
        await sweep_all(runtime)
    assert (await worker.read())["status"] == "completed"


async def test_a_sweep_leaves_a_killed_session_killed_whatever_its_last_call_led_to(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(("close_case", {"case_id": "c1"}))
    await keep_without_settling(runtime, desk, worker, worker.receipt(call))
    await kill(worker)
    await let_time_pass(worker)
    await sweep_all(runtime)
    assert (await worker.events())[-1]["type"] == "CallSettled"
    assert (await worker.read())["status"] == "killed"
