"""Calls that ran without a grant are told afterwards, counted once, and stop a session in time."""

import json
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar
from tests.conftest import found
from tests.replay.desk import REQUEST_HASH, Desk, Worker
from tests.replay.twofold import EVENTS, begun, limited, policy_of

from placet.authority.server_keys import ServerKeys
from placet.kernel.clock import SystemClock
from placet.plans.model import Enforcement
from placet.policy.facts import Status
from placet.policy.ledger import Ledger
from placet.replay.calls.fold import fold
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.model import SessionMode
from placet.replay.sessions.rules import decode_state, encode_state, opening_state
from placet.replay.unguarded.rules import decide_unguarded

NOTE = ("note", {"text": "called back"})
THREE = limited({"limits": {"max_unguarded_calls": 3}})
LIMIT = "max_unguarded_calls"
STATE = sa.text("SELECT state FROM placet.replay_session WHERE session_id = :session")


async def tell(worker: Worker, calls: int, **headers: str) -> httpx.Response:
    body = {"calls": calls, "since": "2026-01-01T10:00:00Z"}
    return await worker.desk.post(f"{worker.path}/report-unguarded", body, **headers)


async def told(worker: Worker, calls: int) -> dict[str, Any]:
    answered = await tell(worker, calls)
    assert answered.status_code == 200, answered.text
    body: dict[str, Any] = answered.json()
    return body


async def folded(worker: Worker) -> int:
    """Return the unguarded calls of a session's state, which is the fold of its events."""
    async with worker.desk.db.reading(worker.desk.operator) as tx:
        events = await tx.rows(EVENTS.bindparams(session=worker.session_id))
        (row,) = await tx.rows(STATE.bindparams(session=worker.session_id))
    assert encode_state(fold((event.type, event.body) for event in events)) == row.state
    return decode_state(row.state).unguarded


async def test_reports_add_up_in_the_facts_and_in_the_events(desk: Desk) -> None:
    worker = await desk.worker()
    first, second = await told(worker, 2), await told(worker, 40)
    assert (first["unguarded"], second["unguarded"]) == (2, 42)
    assert second["state_version"] == first["state_version"] + 1
    assert (second["status"], second["stopped"], second["replayed"]) == ("active", None, False)
    assert await folded(worker) == 42
    said = [one["body"] for one in await worker.events() if one["type"] == "UnguardedReported"]
    assert said == [{"calls": n, "since": "2026-01-01T10:00:00Z"} for n in (2, 40)]
    (call,) = await worker.propose(NOTE)
    assert call["status"] == "granted"


async def test_it_needs_neither_a_lease_nor_anything_remembered(desk: Desk, app: Litestar) -> None:
    worker = Worker(desk, await desk.session())
    runtime: Runtime = app.state[Runtime.__name__]
    runtime.memory = Memory()
    assert (await told(worker, 1))["unguarded"] == 1


async def test_a_report_that_is_sent_again_counts_once(desk: Desk) -> None:
    worker = await desk.worker()
    again = {"Idempotency_Key": "while-it-was-down"}
    first, second = [(await tell(worker, 2, **again)).json() for _ in range(2)]
    assert (first.pop("replayed"), second.pop("replayed")) == (False, True)
    assert first == second
    other = await tell(worker, 3, **again)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    elsewhere = await tell(await desk.worker(), 2, **again)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "idempotency_conflict")
    assert await folded(worker) == 2


async def test_as_many_as_the_contract_bears_stop_the_session_and_name_the_limit(
    desk: Desk,
) -> None:
    worker = (await begun(desk, THREE)).worker
    assert (await told(worker, 2))["stopped"] is None
    (call,) = await worker.propose(NOTE)
    last = await told(worker, 1)
    assert (last["status"], last["stopped"], last["control_revision"]) == ("killed", LIMIT, 1)
    session = await worker.read()
    assert (session["status"], session["ended_why"]) == ("killed", LIMIT)
    stopped = (await worker.events())[-1]
    assert (stopped["type"], stopped["control_revision"]) == ("SessionStopped", 1)
    assert stopped["body"] == {"reason": LIMIT, "limit": LIMIT, "call_id": None}
    refused = await worker.post("preflight", {"request_hash": REQUEST_HASH})
    assert (refused.status_code, refused.json()["code"]) == (410, "session_killed")
    assert (await worker.report(call))["late"]
    assert await folded(worker) == 3


async def test_a_session_that_has_ended_keeps_the_number_and_is_not_stopped_again(
    desk: Desk,
) -> None:
    worker = (await begun(desk, THREE)).worker
    await told(worker, 3)
    before = await worker.read()
    late = await told(worker, 5)
    assert (late["status"], late["unguarded"], late["stopped"]) == ("killed", 8, None)
    after = await worker.read()
    for name in ("status", "control_revision", "ended_why", "ended_at"):
        assert after[name] == before[name], name
    assert [one["type"] for one in await worker.events()][-2:] == [
        "SessionStopped",
        "UnguardedReported",
    ]
    assert await folded(worker) == 8


async def test_a_session_that_only_records_tells_that_it_would_have_been_stopped(
    desk: Desk, app: Litestar
) -> None:
    watched = Desk(desk.client, desk.db, desk.ids, await found(desk.db, desk.ids))
    await watched.approve(
        app.state[ServerKeys.__name__], document=THREE, enforcement=Enforcement.REPORT
    )
    worker = await watched.worker()
    answer = await told(worker, 7)
    assert (answer["status"], answer["stopped"]) == ("active", None)
    last = (await worker.events())[-1]
    assert (last["type"], last["body"]) == ("LimitReached", {"limit": LIMIT, "call_id": None})
    (call,) = await worker.propose(NOTE)
    assert (call["layer"], call["reasons"][0]["code"]) == (1, "session_killed")
    assert await folded(worker) == 7


@given(st.integers(1, 4), st.lists(st.integers(1, 3), max_size=4))
def test_it_stops_where_the_ledger_of_recorded_calls_does(most: int, reports: list[int]) -> None:
    policy = policy_of(limited({"limits": {"max_unguarded_calls": most}}))
    ledger = Ledger(policy, SystemClock().now())
    state = opening_state("intake")
    for calls in reports:
        for _ in range(calls):
            ledger.unguarded()
        decided = decide_unguarded(policy, state, SessionMode.ENFORCE, calls, None)
        state = decided.after
        assert decided.stop == ledger.killed_by
        assert (decided.stop is not None) is (ledger.status is Status.KILLED)


@pytest.mark.parametrize("key", ["operator", "viewer"])
async def test_only_the_agents_own_key_tells_of_its_calls(desk: Desk, key: str) -> None:
    worker = await desk.worker()
    sent = desk.operator_key if key == "operator" else desk.workplace.founder_key
    refused = await desk.post(f"{worker.path}/report-unguarded", {"calls": 1}, sent)
    assert refused.status_code == 403, json.dumps(refused.json())
    assert await folded(worker) == 0
