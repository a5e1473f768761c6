"""Races with what reaches an agent, a tool or one session: kills, labels, filters, a bypass."""

from tests.invariants.claims import broken, ended, first_call, granted
from tests.invariants.interleave import came_to
from tests.invariants.stage import LOOKUP, NOTE, Stage

from placet.replay.calls.answers import ProposalAnswer


async def a_kill_of_the_agent_before_a_response(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a kill of its agent is not granted."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    operator = alone.operator(one)
    agent = (await alone.session(one))["agent"]
    met = await alone.meet(
        operator,
        lambda: operator.kill_wide("agent", agent),
        one,
        lambda: one.propose(prepared, LOOKUP),
    )
    return broken(
        {
            "the response waits for the kill": met.waited,
            "no call is registered": not await alone.calls(one),
        }
        | ended(met.second, "agent_killed")
    )


async def a_kill_of_the_agent_before_a_start(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a kill of its agent is not started."""
    alone = await stage.alone()
    one = await alone.worker()
    call = await one.call(*LOOKUP)
    operator = alone.operator(one)
    agent = (await alone.session(one))["agent"]
    met = await alone.meet(
        operator, lambda: operator.kill_wide("agent", agent), one, lambda: one.start(call)
    )
    return broken({"the start waits for the kill": met.waited} | ended(met.second, "agent_killed"))


async def a_kill_of_a_tool_before_a_response(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a kill of a tool grants the other tools, and not that."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    operator = alone.operator(one)
    met = await alone.meet(
        operator,
        lambda: operator.kill_wide("tool", NOTE[0]),
        one,
        lambda: one.propose(prepared, NOTE, LOOKUP),
    )
    calls = met.second.calls if isinstance(met.second, ProposalAnswer) else []
    return broken(
        {
            "the response waits for the kill": met.waited,
            "the killed tool is blocked and the other is granted": [
                (call.tool, call.status.value) for call in calls
            ]
            == [(NOTE[0], "blocked"), (LOOKUP[0], "granted")],
        }
    )


async def a_kill_of_a_tool_before_a_start(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a kill of its tool is not started."""
    alone = await stage.alone()
    one = await alone.worker()
    call = await one.call(*NOTE)
    operator = alone.operator(one)
    met = await alone.meet(
        operator, lambda: operator.kill_wide("tool", NOTE[0]), one, lambda: one.start(call)
    )
    return broken({"the start waits for the kill": met.waited} | ended(met.second, "tool_killed"))


async def a_response_before_a_kill_of_its_tool(stage: Stage) -> list[str]:
    """I11: a kill of a tool is not acknowledged while a grant of it may still commit."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    operator = alone.operator(one)
    met = await alone.meet(
        one,
        lambda: one.propose(prepared, NOTE),
        operator,
        lambda: operator.kill_wide("tool", NOTE[0]),
    )
    return broken(
        {
            "the kill waits for the response": met.waited,
            "the response is granted": granted(met.first) == 1,
        }
        | ended(await came_to(lambda: one.start(first_call(met.first))), "tool_killed")
    )


async def a_filter_before_a_response(stage: Stage) -> list[str]:
    """I7: what was prepared before a tool was taken away is not decided after it."""
    one = await stage.worker()
    prepared = await one.prepare()
    operator = stage.operator(one)
    met = await stage.meet(
        operator,
        lambda: operator.filter_tools(NOTE[0]),
        one,
        lambda: one.propose(prepared, NOTE),
    )
    return broken(
        {
            "the response waits for the filter": met.waited,
            "no call is registered": not await stage.calls(one),
        }
        | ended(met.second, "stale_control")
    )


async def a_bypass_before_a_start(stage: Stage) -> list[str]:
    """I11: what waited for the word that its session was bypassed is not started."""
    one = await stage.worker()
    call = await one.call(*NOTE)
    operator = stage.operator(one)
    met = await stage.meet(operator, operator.report_bypass, one, lambda: one.start(call))
    (row,) = await stage.calls(one)
    return broken(
        {
            "the start waits for the report": met.waited,
            "the call is not started": row["execution_state"] == "not_started",
        }
        | ended(met.second, "session_compromised")
    )


async def a_kill_before_a_bypass(stage: Stage) -> list[str]:
    """I13: what waited for a kill is kept, and the session stays killed."""
    one = await stage.worker()
    operator = stage.operator(one)
    met = await stage.meet(operator, operator.kill, one, one.report_bypass)
    row = await stage.session(one)
    return broken(
        {
            "the report waits for the kill": met.waited,
            "the session is killed": row["status"] == "killed",
            "the report is kept": row["compromised_at"] is not None,
            "its event follows the kill's": [e["type"] for e in await stage.events(one)][-2:]
            == ["SessionStopped", "SessionBypassed"],
        }
    )
