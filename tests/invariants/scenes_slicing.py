"""Races of sessions for what they may take together, and of their ends with what they hold."""

from decimal import Decimal
from typing import Any

from tests.invariants.claims import broken, ended, first_call, granted
from tests.invariants.hands import Hand
from tests.invariants.interleave import came_to
from tests.invariants.stage import GRANT_END, Stage
from tests.replay.slices.purse import pay, purse

from placet.replay.calls.answers import CallOutcome
from placet.replay.calls.model import ReceiptStatus

BOOKS = """
    SELECT a.reserved, sum(l.used) AS used, sum(l.held) AS held,
           (SELECT sum(w.value) FROM placet.replay_wide_amount AS w
            WHERE w.tenant_id = a.tenant_id AND w.allowance_id = a.allowance_id
              AND w.released_at IS NULL) AS told
    FROM placet.replay_allowance AS a JOIN placet.replay_slice AS l USING (tenant_id, allowance_id)
    WHERE a.tenant_id = $1 GROUP BY a.tenant_id, a.allowance_id
"""
FREE = """
    SELECT placet.slices_free_v1(s, jsonb_build_object('releases', jsonb_build_array($1::text)),
                                 clock_timestamp())
    FROM placet.replay_session AS s WHERE s.session_id = $2
"""
BOUND = 100


async def two_sessions_that_fetch_the_last_of_an_allowance(stage: Stage) -> list[str]:
    """I16: what two sessions fetch at once does not come to more than the bound."""
    stage = await _purse(stage)
    one, other = await stage.worker(), await stage.worker(1)
    await _pay(one, 1)
    first, second = await one.prepare(), await other.prepare()
    met = await stage.meet(
        one,
        lambda: one.propose(first, _paying(60)),
        other,
        lambda: other.propose(second, _paying(50)),
    )
    return broken(
        {
            "the second waits for the first": met.waited,
            "the first is granted": granted(met.first) == 1,
            "the second is not": granted(met.second) == 0,
        }
        | ended(met.second, "ok")
        | await _agreed(stage, used=61, held=0)
    )


async def a_slice_called_back_before_it_is_used(stage: Stage) -> list[str]:
    """I16: what was called back from a slice is not used from it."""
    stage = await _purse(stage)
    one, other = await stage.worker(), await stage.worker(1)
    await _pay(one, 4)
    first, second = await other.prepare(), await one.prepare()
    met = await stage.meet(
        other,
        lambda: other.propose(first, _paying(96)),
        one,
        lambda: one.propose(second, _paying(8)),
    )
    return broken(
        {
            "who uses it waits for who calls it back": met.waited,
            "who calls it back is granted": granted(met.first) == 1,
            "who wanted to use it is not": granted(met.second) == 0,
        }
        | ended(met.second, "ok")
        | await _agreed(stage, used=100, held=0)
    )


async def a_slice_used_before_it_is_called_back(stage: Stage) -> list[str]:
    """I16: what is being used is not called back; who needs it waits, and is told the truth."""
    stage = await _purse(stage)
    one, other = await stage.worker(), await stage.worker(1)
    await _pay(one, 4)
    first, second = await one.prepare(), await other.prepare()
    met = await stage.meet(
        one,
        lambda: one.propose(first, _paying(8)),
        other,
        lambda: other.propose(second, _paying(93)),
    )
    third = await other.prepare()
    again = await came_to(lambda: other.propose(third, _paying(88)))
    return broken(
        {
            "who calls it back waits": met.waited,
            "who uses it is granted": granted(met.first) == 1,
            "who calls it back is not": granted(met.second) == 0,
            "what fits then is": granted(again) == 1,
        }
        | ended(met.second, "ok")
        | await _agreed(stage, used=100, held=0)
    )


async def a_failure_before_a_kill(stage: Stage) -> list[str]:
    """I16: what a failure gave back is given back by the end that follows it, once."""
    stage = await _purse(stage)
    one, operator = await _with_operator(stage)
    call = await _pay(one, 60)
    met = await stage.meet(
        one, lambda: one.report(call, ReceiptStatus.FAILED), operator, operator.kill
    )
    return broken(
        {"the kill waits for the receipt": met.waited}
        | ended(met.second, "ok")
        | await _agreed(stage, used=0, held=0)
    )


async def a_kill_before_a_failure_is_settled(stage: Stage) -> list[str]:
    """I16: what a failure gives back after the end is held by nobody."""
    stage = await _purse(stage)
    one, operator = await _with_operator(stage)
    call = await _pay(one, 60)
    await one.report(call, ReceiptStatus.UNKNOWN)
    await stage.let_time_pass(one, GRANT_END)
    met = await stage.meet(
        operator,
        operator.kill,
        clerk := stage.operator(one, 2),
        lambda: clerk.settle(call, ReceiptStatus.FAILED),
    )
    return broken(
        {"the settlement waits for the kill": met.waited}
        | ended(met.second, "ok")
        | await _agreed(stage, used=0, held=0)
    )


async def a_failure_freed_twice(stage: Stage) -> list[str]:
    """I16: what a failed call took is given back once, however often that is asked for."""
    stage = await _purse(stage)
    one = await stage.worker()
    first = await _pay(one, 60)
    await _pay(one, 30)
    await one.report(first, ReceiptStatus.FAILED)

    async def free() -> None:
        async with one.side.connection.transaction():
            tenant = str(one.who.tenant_id)
            await one.side.connection.execute(
                "SELECT set_config('placet.tenant', $1, true)", tenant
            )
            await one.side.connection.execute(FREE, str(first.call_id), one.session_id)

    outcome = await came_to(free)
    return broken(ended(outcome, "ok") | await _agreed(stage, used=30, held=60))


async def an_end_while_another_calls_back(stage: Stage) -> list[str]:
    """I35: an end waits for nobody's slices, and what was called back is given back once."""
    stage = await _purse(stage)
    one, operator = await _with_operator(stage)
    other = await stage.worker(2)
    await _pay(one, 4)
    await _pay(other, 4)
    wide = await other.prepare()
    met = await stage.meet(other, lambda: other.propose(wide, _paying(90)), operator, operator.kill)
    return broken(
        {
            "the kill waits for nobody": not met.waited,
            "the other is granted": granted(met.first) == 1,
        }
        | ended(met.second, "ok")
        | await _agreed(stage, used=98, held=0)
    )


async def a_denial_whose_reason_goes_away(stage: Stage) -> list[str]:
    """I40: no denial is written that rests on what others do not take any more."""
    stage = await _purse(stage)
    one, other = await stage.worker(), await stage.worker(1)
    call = await _pay(one, 100)
    denied = await other.call(*_paying(1))
    prepared = await other.prepare()
    await one.report(call, ReceiptStatus.FAILED)
    answer = await came_to(lambda: other.propose(prepared, _paying(1)))
    return broken(
        {
            "it is denied while the other takes all": not denied.grant,
            "it is granted then": granted(answer) == 1,
        }
    )


async def _purse(stage: Stage) -> Stage:
    """Return the stage with a tenant whose sessions may pay so much together."""
    own = await stage.alone()
    await own.desk.approve_again(purse({"lte": BOUND}))
    return own


async def _with_operator(stage: Stage) -> tuple[Hand, Hand]:
    one = await stage.worker()
    return one, stage.operator(one)


def _paying(amount: int) -> tuple[str, dict[str, Any]]:
    name, arguments = pay(amount)
    assert isinstance(arguments, dict)
    return name, arguments


async def _pay(hand: Hand, amount: int) -> CallOutcome:
    answer = await hand.propose(await hand.prepare(), _paying(amount))
    assert granted(answer) == 1, answer
    return first_call(answer)


async def _agreed(stage: Stage, *, used: int, held: int) -> dict[str, bool]:
    """Claim what all sessions use and hold, and that every book says so."""
    (row,) = await stage.watch.fetch(BOOKS, stage.desk.workplace.tenant_id)
    return {
        f"{used} is used, not {row['used']}": row["used"] == used,
        f"{held} is held, not {row['held']}": row["held"] == held,
        "the calls say so": (row["told"] or Decimal(0)) == row["used"],
        "the parent has reserved that": row["reserved"] == row["used"] + row["held"],
        "the bound is kept": row["used"] + row["held"] <= BOUND,
    }
