"""The state of a session is the fold of its events, byte for byte, at every step (I14)."""

import io
from collections.abc import AsyncIterator

from tests.invariants.stage import GRANT_END, LOOKUP, NOTE, Stage, refund
from tests.replay.desk import Worker

from placet.evidence.verify import verify_bundle
from placet.replay.calls.fold import fold
from placet.replay.sessions.rules import encode_state


async def steps(stage: Stage, worker: Worker) -> AsyncIterator[str]:
    """Lead a session through all that can become of a call, to its end."""
    sweeper = stage.hand(0, worker.session_id)
    order, other = stage.order(), stage.order()
    await worker.look_up(order)
    yield "a lookup is committed"
    (call,) = await worker.propose(refund(order))
    yield "a refund is granted"
    assert (await worker.start(call)).status_code == 200
    await worker.report(call, output={"refund_id": "re_1"})
    yield "the refund is committed"
    (call,) = await worker.propose(refund(order))
    assert call["status"] == "blocked"
    yield "its repeat is blocked"
    (call,) = await worker.propose(NOTE)
    await worker.report(call, "failed")
    yield "a note failed"
    (call,) = await worker.propose(NOTE)
    await worker.report(call, "timed_out")
    yield "a note timed out"
    await settle(worker, call["call_id"], "succeeded")
    yield "an operator settled it"
    await worker.look_up(other)
    (call,) = await worker.propose(refund(other))
    yield "another refund is granted"
    await stage.let_time_pass(sweeper, GRANT_END)
    assert await sweeper.sweep() == "ok"
    yield "it was never started, and is abandoned"
    first, second = await worker.propose(NOTE, LOOKUP)
    await stage.let_time_pass(sweeper, GRANT_END)
    assert await sweeper.sweep() == "ok"
    yield "nobody knows of two calls"
    heir = Worker(stage.desk, worker.session_id)
    heir.binding = worker.binding
    await heir.lease("steal", reason="it hangs")
    late = await worker.report(first, output={})
    assert late["late"]
    yield "a late receipt came"
    cited = {"receipt_id": late["receipt_id"]}
    await settle(heir, first["call_id"], "succeeded", stage.desk.runtime_key, **cited)
    await settle(heir, second["call_id"], "failed")
    yield "both are settled"
    (call,) = await heir.propose(("close_case", {"case_id": "c1"}))
    await heir.report(call, output={})
    yield "the case is closed"
    assert await sweeper.sweep() == "ok"
    assert (await heir.read())["status"] == "completed"
    yield "the session is completed"


async def settle(
    worker: Worker, call_id: str, outcome: str, key: str | None = None, **more: str
) -> None:
    asked = {
        "settlement_id": str(worker.desk.ids.new()),
        "call_id": call_id,
        "outcome": outcome,
        "reason": "looked at the books",
        **more,
    }
    answered = await worker.post("settlements", asked, key or worker.desk.operator_key)
    assert answered.status_code == 200, answered.text


async def test_the_state_of_a_session_is_the_fold_of_its_events_at_every_step(
    stage: Stage,
) -> None:
    worker = await stage.desk.worker()
    seen: list[bytes] = []
    async for step in steps(stage, worker):
        state, events = await stage.states(worker)
        assert encode_state(fold(events)) == state, step
        seen.append(state)
    assert len(set(seen)) >= 8
    bundle = await stage.desk.get(f"{worker.path}/bundle", stage.desk.workplace.founder_key)
    report = verify_bundle(io.BytesIO(bundle.content))
    assert report.flaw is None
    assert report.events == len(events)


async def test_without_the_event_of_a_settlement_the_fold_is_another_state(stage: Stage) -> None:
    worker = await stage.desk.worker()
    await worker.look_up(stage.order())
    state, events = await stage.states(worker)
    told = [event for event in events if event[0] != "CallSettled"]
    assert encode_state(fold(told)) != state
