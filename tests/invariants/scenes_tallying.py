"""Races of sessions for what all of them share and nobody can hold a part of."""

from datetime import timedelta
from typing import Any

from tests.invariants.claims import broken, ended, first_call, granted
from tests.invariants.hands import Hand
from tests.invariants.interleave import came_to
from tests.invariants.stage import Stage
from tests.replay.tallies.wide import Bounds, pay, wide

from placet.replay.calls.answers import CallOutcome
from placet.replay.calls.model import ReceiptStatus

TO_TWO: Bounds = {"op": "distinct", "path": "$.to", "lte": 2}
WINDOW = 3600
COUNTING = """
    SELECT count(*) AS calls, count(DISTINCT digest) AS different, count(committed_at) AS committed
    FROM placet.replay_tally_mark WHERE tenant_id = $1
"""
AGED = """
    UPDATE placet.replay_tally_mark SET {column} = clock_timestamp() - make_interval(secs => $2)
    WHERE call_id = $1
"""


async def two_sessions_that_want_the_last_different_value(stage: Stage) -> list[str]:
    """I16: of two sessions that bring a new value at once, the bound lets one."""
    stage = await _under(stage, TO_TWO)
    one, other = await stage.worker(), await stage.worker(1)
    await _paid(one, to="a")
    first, second = await one.prepare(), await other.prepare()
    met = await stage.meet(
        one,
        lambda: one.propose(first, _paying(to="b")),
        other,
        lambda: other.propose(second, _paying(to="c")),
    )
    third = await other.prepare()
    again = await came_to(lambda: other.propose(third, _paying(to="b")))
    return broken(
        {
            "the second waits for the first": met.waited,
            "the first is granted": granted(met.first) == 1,
            "the second is not": granted(met.second) == 0,
            "a value that is there already is": granted(again) == 1,
        }
        | ended(met.second, "ok")
        | await _counted(stage, calls=3, different=2)
    )


async def two_sessions_under_two_bounds(stage: Stage) -> list[str]:
    """I16: what one approval lets a session do is seen by a session under a later one."""
    stage = await _under(stage, {"op": "max", "lte": 100})
    one = await stage.worker()
    await stage.desk.approve_again(wide({"op": "max", "lte": 50}))
    other = await stage.worker(1)
    first, second = await one.prepare(), await other.prepare()
    met = await stage.meet(
        one,
        lambda: one.propose(first, _paying(80)),
        other,
        lambda: other.propose(second, _paying(30)),
    )
    return broken(
        {
            "the second waits for the first": met.waited,
            "the first is granted": granted(met.first) == 1,
            "the second is not": granted(met.second) == 0,
        }
        | ended(met.second, "ok")
        | await _counted(stage, calls=1)
    )


async def a_lower_bound_while_what_would_keep_it_commits(stage: Stage) -> list[str]:
    """I16: what is open keeps no lower bound; once it is committed it does, for all sessions."""
    stage = await _under(stage, {"op": "sum", "gte": 10})
    one, other = await stage.worker(), await stage.worker(1)
    call = await _paid(one, 10, commits=False)
    second = await other.prepare()
    met = await stage.meet(
        one,
        lambda: one.report(call, ReceiptStatus.SUCCEEDED),
        other,
        lambda: other.propose(second, _paying(4)),
    )
    third = await other.prepare()
    again = await came_to(lambda: other.propose(third, _paying(4)))
    return broken(
        {
            "nobody waits for a settlement": not met.waited,
            "what is open keeps no lower bound": granted(met.second) == 0,
            "what is committed does": granted(again) == 1,
        }
        | ended(met.second, "ok")
        | await _counted(stage, calls=2, committed=1)
    )


async def a_denial_whose_reason_fails(stage: Stage) -> list[str]:
    """I40: what failed makes room, and no denial is written that rests on it."""
    stage = await _under(stage, TO_TWO)
    one, other = await stage.worker(), await stage.worker(1)
    await _paid(one, to="a")
    call = await _paid(one, to="b", commits=False)
    denied = await other.call(*_paying(to="c"))
    prepared = await other.prepare()
    await one.report(call, ReceiptStatus.FAILED)
    answer = await came_to(lambda: other.propose(prepared, _paying(to="c")))
    return broken(
        {
            "it is denied while the others are there": not denied.grant,
            "it is granted then": granted(answer) == 1,
        }
        | await _counted(stage, calls=2, different=2)
    )


async def what_nobody_knows_still_counts(stage: Stage) -> list[str]:
    """I16: a call whose outcome is unknown keeps its place, and so does a committed one."""
    stage = await _under(stage, TO_TWO)
    one, other = await stage.worker(), await stage.worker(1)
    await _paid(one, to="a")
    call = await _paid(one, to="b", commits=False)
    await one.report(call, ReceiptStatus.TIMED_OUT)
    unknown = await other.call(*_paying(to="c"))
    return broken(
        {"nothing else comes in its place": not unknown.grant}
        | await _counted(stage, calls=2, committed=1)
    )


async def a_window_that_begins_with_the_commit(stage: Stage) -> list[str]:
    """I16: a call leaves the window so long after its commit, however long ago its grant was."""
    stage = await _under(stage, TO_TWO | {"window_seconds": WINDOW})
    one, other = await stage.worker(), await stage.worker(1)
    await _paid(one, to="a")
    call = await _paid(one, to="b", commits=False)
    await _age(stage, call, "granted_at", 2 * WINDOW)
    await one.report(call, ReceiptStatus.SUCCEEDED)
    late = await other.call(*_paying(to="c"))
    await _age(stage, call, "committed_at", 2 * WINDOW)
    gone = await other.call(*_paying(to="c"))
    return broken(
        {
            "it counts from its commit on": not late.grant,
            "it counts no more when the window has passed": gone.grant is not None,
        }
        # What left long ago is taken away by the way.
        | await _counted(stage, calls=2, different=2)
    )


async def a_window_that_passes_in_a_transaction(stage: Stage) -> list[str]:
    """I16: whether a value has left its window is asked of the clock of the deciding statement."""
    stage = await _under(stage, TO_TWO | {"window_seconds": WINDOW})
    one, other = await stage.worker(), await stage.worker(1)
    await _paid(one, to="a")
    call = await _paid(one, to="b")
    prepared = await other.prepare()
    left = 0.5
    await _age(stage, call, "committed_at", WINDOW - left)
    async with other.side.holding():
        began = await other.side.connection.fetchval("SELECT now()")
        await stage.until(began + timedelta(seconds=left))
        answer = await came_to(lambda: other.propose(prepared, _paying(to="c")))
    return broken({"it has left by then": granted(answer) == 1} | ended(answer, "ok"))


async def _under(stage: Stage, *bounds: Bounds) -> Stage:
    """Return the stage with a tenant whose sessions are under these bounds together."""
    own = await stage.alone()
    await own.desk.approve_again(wide(*bounds))
    return own


def _paying(amount: int = 1, to: str = "x") -> tuple[str, dict[str, Any]]:
    name, arguments = pay(amount, to)
    assert isinstance(arguments, dict)
    return name, arguments


async def _paid(hand: Hand, amount: int = 1, to: str = "x", *, commits: bool = True) -> CallOutcome:
    answer = await hand.propose(await hand.prepare(), _paying(amount, to))
    assert granted(answer) == 1, answer
    call = first_call(answer)
    if commits:
        await hand.report(call, ReceiptStatus.SUCCEEDED)
    return call


async def _age(stage: Stage, call: CallOutcome, column: str, seconds: float) -> None:
    """Let something have become of a call so long ago."""
    async with stage.owner.transaction():
        tenant = str(stage.desk.workplace.tenant_id)
        await stage.owner.execute("SELECT set_config('placet.tenant', $1, true)", tenant)
        await stage.owner.execute(AGED.format(column=column), call.call_id, float(seconds))


async def _counted(stage: Stage, **wanted: int) -> dict[str, bool]:
    """Claim how many calls count, how many different values they have, how many are committed."""
    (row,) = await stage.watch.fetch(COUNTING, stage.desk.workplace.tenant_id)
    return {f"{n} {name}, not {row[name]}": row[name] == n for name, n in wanted.items()}
