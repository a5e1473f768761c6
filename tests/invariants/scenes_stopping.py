"""Races with an end: kills of a session and of a tenant, new controls, a closing session."""

from tests.invariants.claims import broken, ended, first_call, granted
from tests.invariants.hands import Hand
from tests.invariants.interleave import Met, Work, came_to
from tests.invariants.stage import LOOKUP, NOTE, Stage

from placet.events.model import StreamKind, tenant_stream
from placet.replay.calls.answers import ReceiptAnswer
from placet.replay.sessions.lease_model import LeaseAction
from placet.replay.sessions.model import KillAnswer, SessionStopped


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
    """I7: a request that was prepared before a control was set and lifted is not decided."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    async with alone.owner.transaction():
        tenant = str(one.who.tenant_id)
        await alone.owner.execute("SELECT set_config('placet.tenant', $1, true)", tenant)
        await alone.owner.execute(
            "INSERT INTO placet.authority_control_gate (tenant_id, control_epoch) VALUES ($1, 2)",
            one.who.tenant_id,
        )
        await alone.owner.execute(
            "INSERT INTO placet.authority_control (tenant_id, control_id, kind, target, effect,"
            " reason, set_epoch, lifted_epoch, set_by, set_at)"
            " VALUES ($1, $2, 'tenant', '', 'kill', 'a drill', 1, 2, $2, clock_timestamp())",
            one.who.tenant_id,
            alone.desk.ids.new(),
        )
    late = await came_to(lambda: one.propose(prepared, LOOKUP))
    return broken(
        {"no call is registered": not await alone.calls(one)} | ended(late, "stale_control")
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


async def _killed_before(stage: Stage, one: Hand, work: Work) -> Met:
    operator = stage.operator(one)
    return await stage.meet(operator, operator.kill_tenant, one, work)
