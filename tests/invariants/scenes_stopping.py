"""Races with an end: kills of a session and of a tenant, the sweeper, a closing session."""

from datetime import datetime

from tests.invariants.claims import broken, ended, first_call, granted
from tests.invariants.hands import Hand
from tests.invariants.interleave import Met, Work, came_to
from tests.invariants.stage import GRANT_END, LOOKUP, NOTE, Stage, refund

from placet.events.model import SYSTEM_ACTOR, StreamKind, tenant_stream
from placet.replay.calls import store
from placet.replay.calls.answers import CallOutcome, ReceiptAnswer
from placet.replay.calls.model import CallStatus, ReceiptStatus
from placet.replay.calls.store import SweepWrite
from placet.replay.calls.sweep import decide_sweep
from placet.replay.sessions import store as sessions
from placet.replay.sessions.model import KillAnswer, LeaseAction, SessionStopped
from placet.replay.sessions.rules import encode_state


async def a_kill_before_a_response(stage: Stage) -> list[str]:
    """I11: what waited for a kill is not granted."""
    one = await stage.worker()
    prepared = await one.prepare()
    operator = stage.operator(one)
    met = await stage.meet(operator, operator.kill, one, lambda: one.propose(prepared, LOOKUP))
    return broken(
        {
            "the response waits for the kill": met.waited,
            "no call is registered": not await stage.calls(one),
        }
        | ended(met.second, "session_killed")
    )


async def a_response_before_a_kill(stage: Stage) -> list[str]:
    """I11: a kill knows of every grant before it, and carries a revision that no grant has."""
    one = await stage.worker()
    prepared = await one.prepare()
    operator = stage.operator(one)
    met = await stage.meet(one, lambda: one.propose(prepared, LOOKUP), operator, operator.kill)
    row = await stage.session(one)
    (call,) = await stage.calls(one)
    (stop,) = [e for e in await stage.events(one) if e["type"] == SessionStopped.__name__]
    killed = met.second
    assert isinstance(killed, KillAnswer), killed
    return broken(
        {
            "the kill waits for the response": met.waited,
            "the grant is listed as unconfirmed": killed.unconfirmed == [call["call_id"]],
            "the revision rises above the grant's": row["control_revision"]
            > call["grant_control_revision"],
            "the event and the answer carry it": killed.control_revision
            == stop["control_revision"]
            == row["control_revision"],
        }
        | ended(await came_to(lambda: one.start(first_call(met.first))), "session_killed")
    )


async def a_kill_before_a_start(stage: Stage) -> list[str]:
    """I11: what waited for a kill is not started."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    operator = stage.operator(one)
    met = await stage.meet(operator, operator.kill, one, lambda: one.start(call))
    (row,) = await stage.calls(one)
    return broken(
        {
            "the start waits for the kill": met.waited,
            "the call is not started": row["execution_state"] == "not_started",
        }
        | ended(met.second, "session_killed")
    )


async def a_start_before_a_kill(stage: Stage) -> list[str]:
    """I11, I13: a kill knows of what was started, and takes its receipt as late."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    operator = stage.operator(one)
    met = await stage.meet(one, lambda: one.start(call), operator, operator.kill)
    late = await came_to(lambda: one.report(call, output={"status": "delivered"}))
    return broken(
        {
            "the kill waits for the start": met.waited,
            "the call is listed as unconfirmed": isinstance(met.second, KillAnswer)
            and met.second.unconfirmed == [call.call_id],
            "the receipt is kept, and called late": isinstance(late, ReceiptAnswer)
            and late.late
            and not late.settled,
        }
    )


async def a_kill_of_the_tenant_before_a_response(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a kill of the tenant is not granted."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    met = await _killed_before(alone, one, lambda: one.propose(prepared, LOOKUP))
    return broken(
        {
            "the response waits for the kill": met.waited,
            "no call is registered": not await alone.calls(one),
        }
        | ended(met.second, "tenant_killed")
    )


async def a_kill_of_the_tenant_before_a_start(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a kill of the tenant is not started."""
    alone = await stage.alone()
    one = await alone.worker()
    call = await one.call(*LOOKUP)
    met = await _killed_before(alone, one, lambda: one.start(call))
    return broken({"the start waits for the kill": met.waited} | ended(met.second, "tenant_killed"))


async def a_response_before_a_kill_of_the_tenant(stage: Stage) -> list[str]:
    """I11: a kill is not acknowledged while a response that passed the gate may still commit."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    operator = alone.operator(one)
    met = await alone.meet(
        one, lambda: one.propose(prepared, LOOKUP), operator, operator.kill_tenant
    )
    return broken(
        {
            "the kill waits for the response": met.waited,
            "the response is granted": granted(met.first) == 1,
        }
        | ended(met.second, "ok")
        | ended(await came_to(lambda: one.start(first_call(met.first))), "tenant_killed")
    )


async def a_start_before_a_kill_of_the_tenant(stage: Stage) -> list[str]:
    """I11: a kill is not acknowledged while a start that passed the gate may still commit."""
    alone = await stage.alone()
    one = await alone.worker()
    call = await one.call(*LOOKUP)
    operator = alone.operator(one)
    met = await alone.meet(one, lambda: one.start(call), operator, operator.kill_tenant)
    return broken({"the kill waits for the start": met.waited} | ended(met.second, "ok"))


async def a_receipt_that_waits_past_a_kill_of_the_tenant(stage: Stage) -> list[str]:
    """I11: no event tells of older controls than those in force when it was written."""
    alone = await stage.alone()
    one = await alone.worker()
    other = await alone.twin(one)
    call = await other.call(*LOOKUP)
    operator = alone.operator(one, 2)
    met = await alone.meet(
        one,
        lambda: one.lease(LeaseAction.RENEW),
        other,
        lambda: other.report(call, output={"status": "delivered"}),
        operator.kill_tenant,
    )
    last = (await alone.events(one))[-1]
    kill = (await alone.events(one, tenant_stream(one.who.tenant_id, StreamKind.CONTROL)))[-1]
    return broken(
        {
            "the receipt waits": met.waited,
            "its event tells of the kill": last["control_epoch"] == kill["control_epoch"],
        }
        | ended(met.second, "ok")
    )


async def a_request_prepared_before_a_control(stage: Stage) -> list[str]:
    """I7: a request that was prepared under other controls is not decided."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    async with alone.owner.transaction():
        tenant = str(one.who.tenant_id)
        await alone.owner.execute("SELECT set_config('placet.tenant', $1, true)", tenant)
        await alone.owner.execute(
            "INSERT INTO placet.authority_control_gate (tenant_id, control_epoch) VALUES ($1, 1)",
            one.who.tenant_id,
        )
    late = await came_to(lambda: one.propose(prepared, LOOKUP))
    return broken(
        {"no call is registered": not await alone.calls(one)} | ended(late, "stale_control")
    )


async def one_effect_wanted_by_two_sessions(stage: Stage) -> list[str]:
    """I15: an effect that may happen once is granted to one of two sessions."""
    order = stage.order()
    one, other = await stage.worker(), await stage.worker(1)
    for worker in (one, other):
        await worker.look_up(order)
    first, second = await one.prepare(), await other.prepare()
    met = await stage.meet(
        one,
        lambda: one.propose(first, refund(order)),
        other,
        lambda: other.propose(second, refund(order)),
    )
    return broken(
        {
            "the second waits for the first": met.waited,
            "the first is granted": granted(met.first) == 1,
            "the second is not": granted(met.second) == 0,
        }
        | ended(met.second, "ok")
    )


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


async def a_time_out_reported_before_a_sweep(stage: Stage) -> list[str]:
    """I40: a call that became unknown while the sweeper looked becomes so once."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    sweeper = await _overdue(stage, one)
    met = await stage.meet(
        one, lambda: one.report(call, ReceiptStatus.TIMED_OUT), sweeper, sweeper.sweep
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


async def a_closing_receipt_before_a_response(stage: Stage) -> list[str]:
    """I7: a session that begins to close takes no response that was under way."""
    one = await stage.worker()
    await one.look_up(stage.order())
    call = await one.call("close_case", {"case_id": "c1"})
    other = await stage.twin(one)
    prepared = await other.prepare()
    met = await stage.meet(
        one, lambda: one.report(call, output={}), other, lambda: other.propose(prepared, NOTE)
    )
    return broken({"the response waits": met.waited} | ended(met.second, "session_closing"))


async def a_settlement_before_a_receipt(stage: Stage) -> list[str]:
    """I13: a receipt that contradicts an operator is kept as that, and changes nothing."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
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
        lambda: operator.settle(call, ReceiptStatus.FAILED),
    )
    kinds = [event["type"] for event in await stage.events(one)]
    return broken(
        {
            "the settlement waits for the receipt": met.waited,
            "the call is settled once": kinds.count("CallSettled") == 1,
        }
        | ended(met.second, "transition_not_allowed")
    )


async def _killed_before(stage: Stage, one: Hand, work: Work) -> Met:
    operator = stage.operator(one)
    return await stage.meet(operator, operator.kill_tenant, one, work)


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
    """Sweep as one who looks at a later time."""
    async with one.side.db.reading(one.who) as tx:
        session = await sessions.get_session(tx, one.session_id)
        calls = await store.list_open_calls(tx, one.session_id)
    swept = decide_sweep(session, calls, at)
    write = SweepWrite(
        tenant_id=one.who.tenant_id,
        session_id=one.session_id,
        actor_id=SYSTEM_ACTOR,
        decided_version=session.state_version,
        calls=swept.calls,
        state=encode_state(swept.state),
        finished=swept.finished,
        taken_due_at=at,
        events=[one.runtime.event(said) for said in swept.said],
    )
    return await store.sweep(one.side.db.hot, write)
