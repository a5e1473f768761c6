"""Races of the sweeper and of operators with those who start and report."""

from datetime import datetime

from tests.invariants.claims import broken, ended
from tests.invariants.hands import Hand
from tests.invariants.interleave import came_to
from tests.invariants.stage import GRANT_END, LOOKUP, Stage, refund

from placet.events.model import SYSTEM_ACTOR
from placet.replay.calls import store
from placet.replay.calls.answers import CallOutcome, ReceiptAnswer
from placet.replay.calls.model import CallStatus, ReceiptStatus
from placet.replay.calls.sweep import Looked, decide_sweep
from placet.replay.calls.writes import SweepWrite
from placet.replay.sessions import store as sessions
from placet.replay.sessions.rules import encode_state


async def a_receipt_before_a_sweep(stage: Stage) -> list[str]:
    """I40: a call that was settled while the sweeper looked stays settled."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    sweeper = await _overdue(stage, one)
    met = await stage.meet(
        one, lambda: one.report(call, output={"status": "delivered"}), sweeper, sweeper.sweep
    )
    (row,) = await stage.calls(one)
    return broken(
        {
            "the sweep waits for the receipt": met.waited,
            "the sweep comes round again": met.second == "redo",
            "the call is settled": row["status"] == "settled",
        }
    )


async def an_unknown_outcome_reported_before_a_sweep(stage: Stage) -> list[str]:
    """I40: a call that became unknown while the sweeper looked becomes so once."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    sweeper = await _overdue(stage, one)
    met = await stage.meet(
        one, lambda: one.report(call, ReceiptStatus.UNKNOWN), sweeper, sweeper.sweep
    )
    kinds = [event["type"] for event in await stage.events(one)]
    return broken(
        {
            "the sweep waits for the receipt": met.waited,
            "it became unknown once": kinds.count("CallBecameUnknown") == 1,
        }
    )


async def a_sweep_before_a_receipt(stage: Stage) -> list[str]:
    """I13: a receipt for a call that became unknown is kept, settles nothing, and can be cited."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    sweeper = await _overdue(stage, one)
    met = await stage.meet(
        sweeper, sweeper.sweep, one, lambda: one.report(call, output={"status": "delivered"})
    )
    claims = {"the receipt waits for the sweep": met.waited} | ended(met.second, "ok")
    if isinstance(met.second, ReceiptAnswer):
        receipt = met.second.receipt_id
        claims["the call stays unknown"] = met.second.call_status is CallStatus.UNKNOWN
        settled = await came_to(lambda: one.settle(call, receipt_id=receipt))
        claims |= ended(settled, "ok")
    return broken(claims)


async def a_start_before_a_sweep(stage: Stage) -> list[str]:
    """I40: a call that was started while the sweeper looked is not abandoned."""
    one, call = await _refund(stage)
    sweeper = one.twin(stage.sides[1])
    late = (await stage.now()).replace(year=2100)
    met = await stage.meet(
        one,
        lambda: _start_and_run_out(stage, one, call),
        sweeper,
        lambda: _sweep_as_of(sweeper, late),
    )
    row = (await stage.calls(one))[-1]
    taken = await stage.watch.fetchval(
        "SELECT released_at IS NULL FROM placet.replay_effect_key WHERE session_id = $1",
        one.session_id,
    )
    return broken(
        {
            "the sweep waits for the start": met.waited,
            "the sweep comes round again": met.second == "redo",
            "the call is started": (row["status"], row["execution_state"])
            == ("granted", "started"),
            "its effect stays taken": taken,
        }
    )


async def a_late_receipt_before_a_sweep(stage: Stage) -> list[str]:
    """I40: a call that was reported on while the sweeper looked is not abandoned."""
    one, call = await _refund(stage)
    await stage.stolen(one)
    sweeper = await _overdue(stage, one)
    met = await stage.meet(
        one, lambda: one.report(call, output={"refund_id": "re_1"}), sweeper, sweeper.sweep
    )
    row = (await stage.calls(one))[-1]
    again = await came_to(sweeper.sweep)
    swept = (await stage.calls(one))[-1]
    return broken(
        {
            "the sweep waits for the receipt": met.waited,
            "the sweep comes round again": met.second == "redo",
            "the call is not abandoned": row["status"] == "granted",
            "the next sweep calls it unknown": (again, swept["status"]) == ("ok", "unknown"),
        }
    )


async def a_sweep_before_a_start(stage: Stage) -> list[str]:
    """I40: an abandoned call is not started."""
    one, call = await _refund(stage)
    sweeper = await _overdue(stage, one)
    met = await stage.meet(sweeper, sweeper.sweep, one, lambda: one.start(call))
    row = (await stage.calls(one))[-1]
    return broken(
        {
            "the start waits for the sweep": met.waited,
            "the call is abandoned": row["status"] == "abandoned",
        }
        | ended(met.second, "transition_not_allowed")
    )


async def a_settlement_before_a_receipt(stage: Stage) -> list[str]:
    """I13: a receipt that contradicts an operator is kept as that, and changes nothing."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    await stage.let_time_pass(one, GRANT_END)
    operator = stage.operator(one)
    met = await stage.meet(
        operator,
        lambda: operator.settle(call, ReceiptStatus.FAILED),
        one,
        lambda: one.report(call, output={"status": "delivered"}),
    )
    (row,) = await stage.calls(one)
    return broken(
        {
            "the receipt waits for the settlement": met.waited,
            "it is kept as conflicting": isinstance(met.second, ReceiptAnswer)
            and met.second.conflicting
            and not met.second.settled,
            "the operator's word stands": row["execution_state"] == "failed",
        }
    )


async def a_receipt_before_a_settlement(stage: Stage) -> list[str]:
    """I14: a call is settled once."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    operator = stage.operator(one)
    met = await stage.meet(
        one,
        lambda: one.report(call, output={"status": "delivered"}),
        operator,
        lambda: operator.settle(call),
    )
    kinds = [event["type"] for event in await stage.events(one)]
    return broken(
        {
            "the settlement waits for the receipt": met.waited,
            "the call is settled once": kinds.count("CallSettled") == 1,
        }
        | ended(met.second, "transition_not_allowed")
    )


async def _overdue(stage: Stage, one: Hand) -> Hand:
    """Let the time of a session's calls run out, and return a sweeper."""
    await stage.let_time_pass(one, GRANT_END)
    return one.twin(stage.sides[1])


async def _refund(stage: Stage) -> tuple[Hand, CallOutcome]:
    one = await stage.worker()
    order = stage.order()
    await one.look_up(order)
    return one, await one.call(*refund(order))


async def _start_and_run_out(stage: Stage, one: Hand, call: CallOutcome) -> None:
    await one.start(call)
    await stage.let_time_pass(one, GRANT_END)


async def _sweep_as_of(one: Hand, at: datetime) -> str:
    """Sweep as one who looked at a later time: every open call is overdue."""
    async with one.side.db.reading(one.who) as tx:
        session = await sessions.get_session(tx, one.session_id)
        calls = await store.list_open_calls(tx, one.session_id)
    pinned = await one.runtime.policies.get(one.side.db, one.who.tenant_id, session.artifact_id)
    looked = Looked(overdue=calls, held=[], alive={}, is_last=False)
    swept = decide_sweep(pinned.policy, session, looked, ({}, {}))
    write = SweepWrite(
        tenant_id=one.who.tenant_id,
        session_id=one.session_id,
        actor_id=SYSTEM_ACTOR,
        decided_version=session.state_version,
        calls=swept.calls,
        state=encode_state(swept.state),
        phase=swept.state.phase,
        status=swept.status,
        taken_due_at=at,
        events=[one.runtime.event(said) for said in swept.said],
    )
    return await store.sweep(one.side.db.hot, write)
