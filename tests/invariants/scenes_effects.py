"""Races of two sessions for an effect that may happen once."""

import asyncio

from tests.invariants.claims import broken, ended, granted
from tests.invariants.hands import Hand
from tests.invariants.interleave import came_to, waits
from tests.invariants.stage import GRANT_END, Stage, refund

from placet.replay.calls.model import ReceiptStatus


async def one_effect_wanted_by_two_sessions(stage: Stage) -> list[str]:
    """I10: an effect that may happen once is granted to one of two sessions."""
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


async def two_effects_wanted_in_another_order(stage: Stage) -> list[str]:
    """I35: two responses that want the same effects in another order do not stop each other."""
    orders = [stage.order() for _ in range(3)]
    third, one, other = [await stage.worker(side) for side in range(3)]
    for worker in (third, one, other):
        for order in orders:
            await worker.look_up(order)
    first, second, last = await _by_effect_key(stage, third, orders)
    held, wide, back = await third.prepare(), await one.prepare(), await other.prepare()
    undone = third.side.connection.transaction()
    await undone.start()
    await third.propose(held, refund(second))
    # `one` takes the first key and waits for the second; `other` wants the first and the last.
    up = (refund(first), refund(second), refund(last))
    upward = asyncio.ensure_future(came_to(lambda: one.propose(wide, *up)))
    claims = {"the first waits": await waits(stage.watch, one.side.pid, upward)}
    down = (refund(last), refund(first))
    downward = asyncio.ensure_future(came_to(lambda: other.propose(back, *down)))
    claims["the second waits"] = await waits(stage.watch, other.side.pid, downward)
    await undone.rollback()
    outcomes = await upward, await downward
    claims["three refunds are granted to one of them"] = granted(outcomes[0]) == 3
    claims["none to the other"] = granted(outcomes[1]) == 0
    return broken(claims | ended(outcomes[0], "ok") | ended(outcomes[1], "ok"))


async def a_failure_is_found_while_the_grant_lives(stage: Stage) -> list[str]:
    """I10: whatever is said of a call, its effect is nobody else's while its tool may still run."""
    one, other, order = await stage.worker(), await stage.worker(), stage.order()
    for worker in (one, other):
        await worker.look_up(order)
    call = await one.call(*refund(order))
    await one.start(call)
    await one.report(call, ReceiptStatus.TIMED_OUT)
    found = await came_to(lambda: stage.operator(one).settle(call, ReceiptStatus.FAILED))
    prepared = await other.prepare()
    again = await came_to(lambda: other.propose(prepared, refund(order)))
    return broken(
        {"the effect is granted to nobody else": granted(again) == 0}
        | ended(found, "transition_not_allowed")
    )


async def _by_effect_key(stage: Stage, worker: Hand, orders: list[str]) -> list[str]:
    """Return orders in the order of their refunds' effect keys, which are free again afterwards."""
    keys: dict[bytes, str] = {}
    for order in orders:
        call = await worker.call(*refund(order))
        await stage.let_time_pass(worker, GRANT_END)
        await stage.operator(worker).settle(call, ReceiptStatus.FAILED)
        key = await stage.watch.fetchval(
            "SELECT effect_key FROM placet.replay_effect_key WHERE call_id = $1", call.call_id
        )
        keys[key] = order
    return [keys[key] for key in sorted(keys)]
