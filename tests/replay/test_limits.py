"""Limits that stop a session, what they name, and time that stands still while people are asked."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.replay.desk import REQUEST_HASH, Desk, Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all
from tests.replay.test_lost_and_late import keep_without_settling
from tests.replay.twofold import begun, limited

from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime

__all__ = ["let_time_pass"]

NOTE = ("note", {"text": "called back"})
WRONG = ("note", {"text": 5})
ASK = ("escalate", {"reason": "she shouts"})


def breaker(**most: int) -> dict[str, Any]:
    return limited({"limits": {"circuit_breaker": most}})


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    """Return what the service remembers of sessions."""
    made: Runtime = app.state[Runtime.__name__]
    return made


async def ended(worker: Worker) -> tuple[str, str, dict[str, Any]]:
    """Return a session's status, why it ended, and its last event."""
    session = await worker.read()
    last = (await worker.events())[-1]
    assert last["control_revision"] == session["control_revision"] == 1
    return session["status"], session["ended_why"], last


async def test_one_error_too_many_stops_the_session_and_names_the_call(desk: Desk) -> None:
    worker = (await begun(desk, breaker(consecutive_errors=2))).worker
    for status in ("failed", "succeeded", "timed_out"):
        (call,) = await worker.propose(NOTE)
        assert (await worker.report(call, status))["stopped"] is None
    waits, call = await worker.propose(NOTE, NOTE)
    stopped = {"limit": "consecutive_errors", "call_id": call["call_id"]}
    assert (await worker.report(call, "failed"))["stopped"] == stopped
    status, why, last = await ended(worker)
    assert (status, why, last["type"]) == ("killed", "consecutive_errors", "SessionStopped")
    assert last["body"] == {"reason": "consecutive_errors", **stopped}
    refused = await worker.post("preflight", {"request_hash": REQUEST_HASH})
    assert refused.json()["code"] == "session_killed"
    assert (await worker.report(waits))["late"]


async def test_one_refused_response_too_many_stops_the_session_and_says_so_again(
    desk: Desk,
) -> None:
    worker = (await begun(desk, breaker(consecutive_blocks=2))).worker
    await worker.propose(WRONG)
    await worker.propose(NOTE, WRONG)
    (asked,) = await worker.propose(ASK)
    await worker.propose(WRONG)
    body = worker.proposal(await worker.prepare(), WRONG, ("delete_customer", {}))
    answered = (await worker.post("proposals", body)).json()
    first = answered["calls"][0]["call_id"]
    assert answered["stopped"] == {"limit": "consecutive_blocks", "call_id": first}
    assert (await ended(worker))[:2] == ("killed", "consecutive_blocks")
    assert asked["status"] == "awaiting_approval"
    pending = (await worker.read("pending"))["pending"]
    assert [call["status"] for call in pending] == ["granted"]
    again = (await worker.post("proposals", body)).json()
    assert (again["replayed"], again["stopped"]) == (True, answered["stopped"])


async def test_an_error_that_the_sweeper_finds_stops_the_session_too(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = (await begun(desk, breaker(consecutive_errors=1))).worker
    (call,) = await worker.propose(NOTE)
    await keep_without_settling(runtime, desk, worker, worker.receipt(call, "failed"))
    await let_time_pass(worker)
    await sweep_all(runtime)
    assert (await ended(worker))[1] == "consecutive_errors"


async def test_what_calls_cost_adds_up_and_a_later_word_corrects_it(desk: Desk) -> None:
    worker = (await begun(desk, limited({"limits": {"max_cost_micros": 100}}))).worker
    (call,) = await worker.propose(NOTE)
    await worker.report(call, cost_micros=100)
    (denied,) = await worker.propose(NOTE)
    assert denied["reasons"][0]["code"] == "cost_exhausted"
    corrected = await worker.report(call, cost_micros=60)
    assert not corrected["conflicting"]
    types = [event["type"] for event in await worker.events()]
    assert types[-2:] == ["ReceiptReceived", "CallCosted"]
    (call,) = await worker.propose(NOTE)
    assert call["status"] == "granted"
    await worker.report(call, "timed_out", cost_micros=39)
    (call,) = await worker.propose(NOTE)
    assert call["status"] == "granted"
    await worker.report(call, "failed", cost_micros=1)
    (denied,) = await worker.propose(NOTE)
    assert denied["reasons"][0]["code"] == "cost_exhausted"


async def test_what_a_call_cost_counts_when_a_late_receipt_is_cited(desk: Desk) -> None:
    worker = (await begun(desk, limited({"limits": {"max_cost_micros": 100}}))).worker
    (call,) = await worker.propose(NOTE)
    binding, worker.binding = worker.binding, ""
    kept = await worker.report(call, cost_micros=100)
    worker.binding = binding
    cited = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "receipt_id": kept["receipt_id"],
        "reason": "it came late",
    }
    assert (await worker.post("settlements", cited)).status_code == 200
    (denied,) = await worker.propose(NOTE)
    assert denied["reasons"][0]["code"] == "cost_exhausted"


async def test_what_a_cited_receipt_says_of_the_cost_takes_back_no_later_word(
    desk: Desk,
) -> None:
    worker = (await begun(desk, limited({"limits": {"max_cost_micros": 100}}))).worker
    (call,) = await worker.propose(NOTE)
    binding, worker.binding = worker.binding, ""
    kept = await worker.report(call, cost_micros=1)
    worker.binding = binding
    await worker.report(call, "timed_out", cost_micros=100)
    cited = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "receipt_id": kept["receipt_id"],
        "reason": "it came late",
    }
    assert (await worker.post("settlements", cited)).status_code == 200
    (denied,) = await worker.propose(NOTE)
    assert denied["reasons"][0]["code"] == "cost_exhausted"


async def test_what_a_call_cost_counts_when_the_sweeper_settles_it(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = (await begun(desk, limited({"limits": {"max_cost_micros": 100}}))).worker
    (call,) = await worker.propose(NOTE)
    body = worker.receipt(call, cost_micros=100)
    await keep_without_settling(runtime, desk, worker, body)
    await let_time_pass(worker)
    await sweep_all(runtime)
    types = [event["type"] for event in await worker.events()]
    assert types[-2:] == ["CallSettled", "CallCosted"]
    (denied,) = await worker.propose(NOTE)
    assert denied["reasons"][0]["code"] == "cost_exhausted"


async def test_costs_too_large_to_add_up_are_kept_and_leave_nothing_to_spend(
    desk: Desk, runtime: Runtime, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = (await begun(desk, limited({"limits": {"max_cost_micros": 10**15}}))).worker
    first, second = await worker.propose(NOTE, NOTE)
    refused = await worker.post("receipts", worker.receipt(first, cost_micros=2**40 + 1))
    assert refused.status_code == 400, refused.text
    await worker.report(first, cost_micros=2**40)
    await admin.execute(
        "UPDATE placet.replay_session SET state = convert_to(jsonb_set(convert_from(state, 'UTF8')"
        "::jsonb, '{cost_micros}', to_jsonb($2::bigint))::text, 'UTF8') WHERE session_id = $1",
        worker.session_id,
        2**53 - 2,
    )
    runtime.memory = Memory()
    await worker.report(second, cost_micros=2**40)
    await worker.report(second, cost_micros=1)
    state = await admin.fetchval(
        "SELECT state FROM placet.replay_session WHERE session_id = $1", worker.session_id
    )
    assert json.loads(state)["cost_micros"] == 2**53 - 1
    (denied,) = await worker.propose(NOTE)
    assert denied["reasons"][0]["code"] == "cost_exhausted"


async def test_a_time_out_told_again_costs_what_it_said_last(desk: Desk) -> None:
    worker = (await begun(desk, limited({"limits": {"max_cost_micros": 100}}))).worker
    (call,) = await worker.propose(NOTE)
    await worker.report(call, "timed_out", cost_micros=60)
    await worker.report(call, "timed_out", cost_micros=50)
    told = (await worker.events())[-1]
    assert (told["type"], told["body"]["micros"], told["body"]["before"]) == ("CallCosted", 50, 60)
    (call,) = await worker.propose(NOTE)
    assert call["status"] == "granted"


async def test_a_late_word_of_a_cost_is_kept_and_changes_nothing(desk: Desk) -> None:
    worker = (await begun(desk, limited({"limits": {"max_cost_micros": 100}}))).worker
    (call,) = await worker.propose(NOTE)
    before = (await worker.report(call, cost_micros=10))["state_version"]
    worker.binding = ""
    late = await worker.report(call, cost_micros=100)
    assert (late["late"], late["state_version"]) == (True, before)


@pytest.mark.parametrize(("age", "code"), [(3599, None), (3601, "session_expired")])
async def test_a_session_is_over_when_its_time_is_up(
    desk: Desk, runtime: Runtime, admin: "asyncpg.Connection[Any]", age: int, code: str | None
) -> None:
    worker = (await begun(desk, limited({"limits": {"max_seconds": 3600}}))).worker
    await grow_older(admin, worker, timedelta(seconds=age))
    runtime.memory = Memory()
    (call,) = await worker.propose(NOTE)
    assert next((reason["code"] for reason in call["reasons"]), None) == code


async def test_time_stands_still_while_people_are_asked_and_runs_on_from_the_deadline(
    desk: Desk, runtime: Runtime, admin: "asyncpg.Connection[Any]", let_time_pass: Pass
) -> None:
    worker = (await begun(desk, limited({"limits": {"max_seconds": 3600}}))).worker
    await worker.propose(ASK)
    await grow_older(admin, worker, timedelta(seconds=7200))
    await admin.execute(
        "UPDATE placet.replay_pending_call SET deadline_at = now() + interval '1 minute'"
        " WHERE session_id = $1",
        worker.session_id,
    )
    runtime.memory = Memory()
    (call,) = await worker.propose(NOTE)
    assert call["status"] == "granted"
    await worker.report(call)
    await let_time_pass(worker)
    await sweep_all(runtime)
    waited = await admin.fetchval(
        "SELECT waited_us FROM placet.replay_session WHERE session_id = $1", worker.session_id
    )
    assert timedelta(seconds=7198) < timedelta(microseconds=waited) < timedelta(seconds=7202)
    (call,) = await worker.propose(NOTE)
    assert call["status"] == "granted"
    await grow_older(admin, worker, timedelta(seconds=3600))
    runtime.memory = Memory()
    (call,) = await worker.propose(NOTE)
    assert call["reasons"][0]["code"] == "session_expired"


async def test_an_amount_counts_as_long_as_its_window_is_open(
    desk: Desk, runtime: Runtime, admin: "asyncpg.Connection[Any]"
) -> None:
    often = {"name": "often", "tool": "note", "op": "count", "window_seconds": 600, "lte": 2}
    twofold = await begun(desk, document := limited({"aggregates": [often]}))
    for _ in range(2):
        (call,) = await twofold.propose(NOTE)
        await twofold.report(call, output={})
    (open_call,) = await twofold.propose(NOTE)
    assert open_call["reasons"][0]["code"] == "aggregate_exceeded"
    await grow_older(admin, twofold.worker, timedelta(seconds=601))
    twofold.grow_older(timedelta(seconds=601))
    runtime.memory = Memory()
    for _ in range(3):
        await twofold.propose(NOTE)
    assert [one[2] for one in twofold.judged] == [True, True, False, True, True, False]
    assert twofold.simulated(document)[0] == twofold.judged


async def test_a_process_that_forgot_finds_what_failed_calls_gave_back(
    desk: Desk, runtime: Runtime
) -> None:
    once = {"name": "once", "tool": "note", "op": "count", "lte": 2}
    document = limited({"aggregates": [once], "limits": {"max_steps": 1}})
    worker = (await begun(desk, document)).worker
    for _ in range(2):
        calls = await worker.propose(NOTE, NOTE)
        assert [call["status"] for call in calls] == ["granted", "granted"]
        for call in calls:
            runtime.memory = Memory()
            await worker.report(call, "failed")
        runtime.memory = Memory()


async def test_a_step_ends_with_its_last_call_though_an_earlier_one_was_told_of_again(
    desk: Desk,
) -> None:
    worker = (await begun(desk, limited({"limits": {"max_steps": 1}}))).worker
    first, second = await worker.propose(NOTE, NOTE)
    await worker.report(first, "failed")
    await worker.report(first, "failed", cost_micros=1)
    await worker.report(second, "failed")
    (call,) = await worker.propose(NOTE)
    assert call["status"] == "granted"


@pytest.fixture
async def admin(server: Server, database_name: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection of somebody who may change everything."""
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


async def grow_older(admin: "asyncpg.Connection[Any]", worker: Worker, by: timedelta) -> None:
    """Let a session have been opened, have begun to wait and have committed so much earlier."""
    for table, columns in {
        "replay_session": ("created_at", "waiting_since"),
        "replay_amount": ("opened_at", "committed_at"),
    }.items():
        for column in columns:
            await admin.execute(
                f"UPDATE placet.{table} SET {column} = {column} - $2::interval"  # noqa: S608 -- names of ours
                " WHERE session_id = $1",
                worker.session_id,
                by,
            )
