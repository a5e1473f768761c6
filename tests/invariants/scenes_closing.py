"""Races with the close of a session."""

from tests.invariants.claims import broken, ended, first_call
from tests.invariants.hands import Hand
from tests.invariants.interleave import came_to
from tests.invariants.stage import GRANT_END, LOOKUP, Stage

from placet.replay.closings import service as closings
from placet.replay.closings.model import CloseAnswer, CloseSession, SessionClosed
from placet.replay.sessions.lease_model import LeaseAction
from placet.replay.sessions.model import SessionStatus


async def a_close_before_a_response(stage: Stage) -> list[str]:
    """I7: what waited for a close is not registered."""
    one = await stage.worker()
    prepared = await one.prepare()
    other = await stage.twin(one)
    met = await stage.meet(one, lambda: _close(one), other, lambda: other.propose(prepared, LOOKUP))
    return broken(
        {"the response waits": met.waited, "no call is registered": not await stage.calls(one)}
        | ended(met.second, "session_completed")
    )


async def a_response_before_a_close(stage: Stage) -> list[str]:
    """A close knows of every grant before it, and completes nothing over it."""
    one = await stage.worker()
    prepared = await one.prepare()
    operator = stage.operator(one)
    met = await stage.meet(
        one, lambda: one.propose(prepared, LOOKUP), operator, lambda: _close(operator)
    )
    closed = met.second
    assert isinstance(closed, CloseAnswer), closed
    row = await stage.session(one)
    return broken(
        {
            "the close waits": met.waited,
            "the call is told": closed.unsettled == [first_call(met.first).call_id],
            "the session waits for it": row["status"] == closed.status == SessionStatus.CLOSING,
        }
    )


async def a_kill_before_a_close(stage: Stage) -> list[str]:
    """I11: a session that was killed meanwhile is not closed."""
    one = await stage.worker()
    operator = stage.operator(one)
    met = await stage.meet(operator, operator.kill, one, lambda: _close(one))
    row = await stage.session(one)
    return broken(
        {"the close waits": met.waited, "the session stays killed": row["status"] == "killed"}
        | ended(met.second, "session_killed")
    )


async def a_steal_before_a_close(stage: Stage) -> list[str]:
    """I2: an overtaken holder closes nothing."""
    one = await stage.worker()
    thief = stage.operator(one)
    met = await stage.meet(thief, lambda: thief.lease(LeaseAction.STEAL), one, lambda: _close(one))
    row = await stage.session(one)
    return broken(
        {"the close waits": met.waited, "the session goes on": row["status"] == "active"}
        | ended(met.second, "lease_lost")
    )


async def a_close_before_a_sweep(stage: Stage) -> list[str]:
    """I7: a session that was closed while the sweeper looked is not active again."""
    one = await stage.worker()
    await one.call(*LOOKUP)
    await stage.let_time_pass(one, GRANT_END)
    sweeper = one.twin(stage.sides[1])
    met = await stage.meet(one, lambda: _close(one), sweeper, sweeper.sweep)
    between = await stage.session(one)
    again = await came_to(sweeper.sweep)
    row = await stage.session(one)
    (call,) = await stage.calls(one)
    return broken(
        {
            "the sweep waits for the close": met.waited,
            "the sweep comes round again": met.second == "redo",
            "the session goes on closing": (between["status"], row["status"])
            == ("closing", "closing"),
            "the next sweep finds what is overdue": (again, call["status"]) == ("ok", "unknown"),
        }
        | ended(met.first, "ok")
    )


async def a_close_again(stage: Stage) -> list[str]:
    """I10: two closes at once are one."""
    one = await stage.worker()
    other = await stage.twin(one)
    met = await stage.meet(one, lambda: _close(one), other, lambda: _close(other))
    again = await came_to(lambda: _close(one))
    said = [e for e in await stage.events(one) if e["type"] == SessionClosed.__name__]
    answers = [met.first, met.second, again]
    return broken(
        {
            "the second waits": met.waited,
            "only the first closes": [getattr(each, "replayed", None) for each in answers]
            == [False, True, True],
            "it is said once": len(said) == 1,
        }
    )


async def _close(hand: Hand) -> CloseAnswer:
    asked = CloseSession(reason="it is done")
    return await closings.close_session(hand.side.db.hot, hand.ids, hand.caller, asked)
