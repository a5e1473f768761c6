"""An approval grants nothing; a claim is judged again, and grants once."""

from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.replay.asks.people import ESCALATE, HOLD, WIRE, AskDesk
from tests.replay.desk import Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all

from placet.events import store as events
from placet.events.model import StreamId
from placet.replay.calls.fold import fold
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions import store as sessions
from placet.replay.sessions.rules import encode_state

__all__ = ["let_time_pass"]
NOTE = ("note", {"text": "x"})


def granted(answered: httpx.Response) -> list[dict[str, Any]]:
    assert answered.status_code == 200, answered.text
    calls: list[dict[str, Any]] = answered.json()["calls"]
    return calls


def code(answered: httpx.Response) -> tuple[int, str]:
    return answered.status_code, answered.json()["code"]


async def check_fold(desk: AskDesk, worker: Worker) -> None:
    """Hold that the session's state is what its events lead to, byte for byte."""
    async with desk.db.reading(desk.workplace.founder) as tx:
        session = await sessions.get_session(tx, worker.session_id)
        told = await events.list_events(tx, StreamId(worker.session_id), after=0, limit=1000)
    folded = fold((event.type, event.body or b"") for event in told)
    assert encode_state(folded) == session.state


async def test_an_approved_call_is_granted_by_its_claim_and_by_nothing_else(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    assert code(await desk.claim(worker, call)) == (409, "ask_open")
    await desk.yes(worker, call)
    assert code(await worker.start(call)) == (409, "transition_not_allowed")
    (one,) = granted(await desk.claim(worker, call))
    assert (one["status"], one["verdict"]) == ("granted", "allow")
    assert one["grant"] is not None
    receipt = await worker.report(one, output={"ok": True})
    assert (receipt["call_status"], receipt["commit_state"]) == ("settled", "committed")
    await check_fold(desk, worker)


async def test_the_same_claim_again_is_the_same_claim(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    await desk.yes(worker, call)
    claim_id = desk.ids.new()
    first = await desk.claim(worker, call, claim_id)
    again = await desk.claim(worker, call, claim_id)
    assert (first.json()["replayed"], again.json()["replayed"]) == (False, True)
    assert granted(again)[0]["grant_expires_at"] == granted(first)[0]["grant_expires_at"]
    assert granted(again)[0]["grant"] is not None
    assert code(await desk.claim(worker, call)) == (409, "ask_closed")
    counts = [e["type"] for e in await worker.events()].count("CallClaimed")
    assert counts == 1
    await check_fold(desk, worker)


async def test_a_claim_whose_grant_may_not_be_signed_any_more_is_told_without_one(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    await desk.yes(worker, call)
    claim_id = desk.ids.new()
    await desk.claim(worker, call, claim_id)
    await desk.post(f"{worker.path}/kill", {"reason": "enough"}, desk.operator_key)
    (again,) = granted(await desk.claim(worker, call, claim_id))
    assert (again["status"], again["grant"]) == ("granted", None)


async def test_the_claim_of_another_call_or_of_another_holder_is_no_repeat(desk: AskDesk) -> None:
    worker = await desk.worker()
    one, two = await worker.propose(ESCALATE, HOLD)
    await desk.yes(worker, one, two)
    claim_id = desk.ids.new()
    await desk.claim(worker, one, claim_id)
    assert code(await desk.claim(worker, two, claim_id)) == (409, "idempotency_conflict")


async def test_each_ask_is_claimed_by_itself_where_a_response_may_run_in_part(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    one, two, note = await worker.propose(ESCALATE, HOLD, NOTE)
    assert note["status"] == "granted"
    await desk.yes(worker, one)
    (first,) = granted(await desk.claim(worker, one))
    assert first["call_id"] == one["call_id"]
    await desk.yes(worker, two)
    (second,) = granted(await desk.claim(worker, two))
    assert (second["call_id"], second["status"]) == (two["call_id"], "granted")
    await check_fold(desk, worker)


async def test_a_response_that_runs_as_a_whole_is_claimed_as_a_whole(whole_desk: AskDesk) -> None:
    desk = whole_desk
    worker = await desk.worker()
    one, two, note = await worker.propose(ESCALATE, HOLD, NOTE)
    await desk.yes(worker, one)
    assert code(await desk.claim(worker, one)) == (409, "ask_open")
    await desk.yes(worker, two)
    calls = granted(await desk.claim(worker, two))
    assert [call["call_id"] for call in calls] == [c["call_id"] for c in (one, two, note)]
    assert {call["status"] for call in calls} == {"granted"}
    for call in calls:
        assert call["grant"] is not None
        await worker.report(call, output={})
    await check_fold(desk, worker)


async def test_a_claim_is_judged_on_the_facts_of_its_own_moment(desk: AskDesk) -> None:
    worker, other = await desk.worker(), await desk.worker()
    (call,) = await worker.propose(HOLD)
    (rival,) = await other.propose(HOLD)
    await desk.yes(worker, call)
    await desk.yes(other, rival)
    assert granted(await desk.claim(other, rival))[0]["status"] == "granted"
    (refused,) = granted(await desk.claim(worker, call))
    assert (refused["status"], refused["grant"]) == ("denied", None)
    assert refused["reasons"][0]["code"] == "effect_key_taken"
    assert code(await desk.claim(worker, call)) == (409, "ask_closed")
    await check_fold(desk, worker)


async def test_nothing_is_claimed_without_the_lease_or_after_a_kill(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    await desk.yes(worker, call)
    old = worker.binding
    await worker.lease("grant")
    worker.binding, new = old, worker.binding
    assert code(await desk.claim(worker, call)) == (409, "lease_lost")
    worker.binding = new
    assert (await desk.kill_tenant()).status_code == 201
    assert code(await desk.claim(worker, call)) == (410, "tenant_killed")


async def test_what_a_dead_worker_had_approved_is_claimed_by_whoever_takes_over(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    await desk.yes(worker, call)
    other = Worker(desk, worker.session_id)
    await other.lease("steal", reason="it is gone")
    (one,) = granted(await desk.claim(other, call))
    assert one["grant"] is not None


async def test_an_approval_that_nobody_claims_ends_at_the_deadline(
    desk: AskDesk, app: Litestar, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    await desk.yes(worker, call)
    await let_time_pass(worker)
    assert code(await desk.claim(worker, call)) == (409, "ask_closed")
    await sweep_all(app.state[Runtime.__name__])
    assert (await desk.ask(call, worker.session_id))["call_status"] == "expired"


async def test_a_session_waits_no_longer_once_its_asks_are_answered(desk: AskDesk) -> None:
    worker = await desk.worker()
    one, two = await worker.propose(ESCALATE, HOLD)
    assert (await _waiting(desk, worker))[0]
    await desk.yes(worker, one)
    await desk.claim(worker, one)
    since, waited, before = await _waiting(desk, worker)
    assert (since, waited) == (True, 0)
    await desk.vote(worker.session_id, desk.ben, two, decision="reject", reason="no")
    since, waited, after = await _waiting(desk, worker)
    assert not since
    assert waited > 0
    assert after == before + 1
    (note,) = await worker.propose(NOTE)
    assert note["status"] == "granted"


async def test_an_ask_and_its_end_at_the_deadline_are_facts_of_a_new_version(
    desk: AskDesk, app: Litestar, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    since, _, before = await _waiting(desk, worker)
    assert not since
    await worker.propose(ESCALATE)
    since, _, after = await _waiting(desk, worker)
    assert (since, after) == (True, before + 1)
    await worker.propose(HOLD)
    assert (await _waiting(desk, worker))[2] == before + 2
    await let_time_pass(worker)
    await sweep_all(app.state[Runtime.__name__])
    since, _, after = await _waiting(desk, worker)
    assert (since, after) == (False, before + 3)


async def _waiting(desk: AskDesk, worker: Worker) -> tuple[bool, int, int]:
    """Return whether a session waits for people, how long it has, and its state's version."""
    async with desk.db.reading(desk.workplace.founder) as tx:
        session = await sessions.get_session(tx, worker.session_id)
    return session.waiting_since is not None, session.waited_us, session.state_version


async def test_a_claim_is_one_round_trip_after_a_look_and_two_without(
    desk: AskDesk, app: Litestar
) -> None:
    hot = app.state[Runtime.__name__].db.hot
    worker = await desk.worker()
    for is_looked_at, trips in ((True, 1), (False, 2)):
        (call,) = await worker.propose(ESCALATE)
        await desk.yes(worker, call)
        if is_looked_at:
            await desk.get(f"{worker.path}/calls/{call['call_id']}")
        before = hot.round_trips
        assert granted(await desk.claim(worker, call))[0]["status"] == "granted"
        assert hot.round_trips - before == trips
    await check_fold(desk, worker)


async def test_a_look_that_has_become_wrong_grants_nothing(desk: AskDesk) -> None:
    worker, other = await desk.worker(), await desk.worker()
    (call,) = await worker.propose(HOLD)
    (rival,) = await other.propose(HOLD)
    await desk.yes(worker, call)
    await desk.yes(other, rival)
    seen = await desk.get(f"{worker.path}/calls/{call['call_id']}")
    assert seen.json()["may_be_claimed"]
    assert granted(await desk.claim(other, rival))[0]["status"] == "granted"
    (refused,) = granted(await desk.claim(worker, call))
    assert (refused["status"], refused["reasons"][0]["code"]) == ("denied", "effect_key_taken")


@pytest.mark.parametrize("is_looked_at", [False, True])
async def test_a_claim_begins_a_step_where_what_counted_in_it_has_failed(
    short_desk: AskDesk, *, is_looked_at: bool
) -> None:
    desk = short_desk
    worker = await desk.worker()
    note, ask = await worker.propose(NOTE, ESCALATE)
    await desk.yes(worker, ask)
    if is_looked_at:
        seen = await desk.get(f"{worker.path}/calls/{ask['call_id']}")
        assert seen.json()["may_be_claimed"]
    await worker.report(note, "failed")
    (one,) = granted(await desk.claim(worker, ask))
    assert one["status"] == "granted"
    (more,) = await worker.propose(NOTE)
    assert [reason["code"] for reason in more["reasons"]] == ["steps_exhausted"]
    await worker.report(one, "failed")
    await check_fold(desk, worker)


async def test_a_restarted_service_claims_what_was_approved_before(
    desk: AskDesk, app: Litestar
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    await desk.yes(worker, call)
    runtime: Runtime = app.state[Runtime.__name__]
    runtime.memory = type(runtime.memory)()
    (one,) = granted(await desk.claim(worker, call))
    assert one["status"] == "granted"


async def test_a_rejected_call_is_never_claimed_and_its_neighbour_may_be(desk: AskDesk) -> None:
    worker = await desk.worker()
    one, two = await worker.propose(ESCALATE, HOLD)
    await desk.yes(worker, one)
    await desk.vote(worker.session_id, desk.ben, two, decision="reject", reason="no")
    assert code(await desk.claim(worker, two)) == (409, "ask_closed")
    assert granted(await desk.claim(worker, one))[0]["status"] == "granted"


async def test_a_rejection_leaves_nothing_to_claim_of_a_response_that_runs_as_a_whole(
    whole_desk: AskDesk,
) -> None:
    desk = whole_desk
    worker = await desk.worker()
    one, two = await worker.propose(ESCALATE, HOLD)
    await desk.yes(worker, one)
    await desk.vote(worker.session_id, desk.ben, two, decision="reject", reason="no")
    assert code(await desk.claim(worker, one)) == (409, "ask_closed")
