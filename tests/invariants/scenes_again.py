"""Lost answers: the same request again gets the first answer, and does nothing a second time."""

from collections.abc import Awaitable, Callable

from tests.invariants.claims import broken, ended, granted, signed
from tests.invariants.hands import Hand
from tests.invariants.interleave import came_to
from tests.invariants.stage import LOOKUP, Stage

from placet.replay.calls.answers import ProposalAnswer
from placet.replay.sessions.lease_model import LeaseAction

Request = Callable[[], Awaitable[object]]


async def a_response_again(stage: Stage) -> list[str]:
    """I10: the answer to a response was lost."""
    one = await stage.worker()
    prepared = await one.prepare()
    return await _twice(stage, one, lambda: one.propose(prepared, LOOKUP))


async def a_start_again(stage: Stage) -> list[str]:
    """I10: the answer to a start was lost; another start of the same call is refused."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    start_id = one.ids.new()
    violations = await _twice(stage, one, lambda: one.start(call, start_id))
    return violations + broken(
        ended(await came_to(lambda: one.start(call)), "transition_not_allowed")
    )


async def a_receipt_again(stage: Stage) -> list[str]:
    """I10: the answer to a receipt was lost, and the lease with it."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)

    async def report() -> object:
        return await one.report(call, key="once", output={"status": "delivered"})

    first = await report()
    await stage.stolen(one)
    return await _twice(stage, one, report, first)


async def a_grant_of_the_lease_again(stage: Stage) -> list[str]:
    """I1, I10: the answer to a grant was lost; its repeat raises no fence."""
    one = await stage.worker()
    request = one.ids.new()
    return await _twice(stage, one, lambda: one.lease(request_id=request))


async def a_steal_again(stage: Stage) -> list[str]:
    """I1, I10: the answer to a steal was lost; its repeat raises no fence."""
    one = await stage.worker()
    operator, request = stage.operator(one), one.ids.new()
    return await _twice(
        stage,
        one,
        lambda: operator.lease(LeaseAction.STEAL, holder="other", request_id=request),
    )


async def a_settlement_again(stage: Stage) -> list[str]:
    """I10: the answer to a settlement was lost."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    operator, settlement = stage.operator(one), one.ids.new()
    return await _twice(stage, one, lambda: operator.settle(call, settlement_id=settlement))


async def a_kill_again(stage: Stage) -> list[str]:
    """I10: the answer to a kill was lost."""
    one = await stage.worker()
    await one.call(*LOOKUP)
    return await _twice(stage, one, stage.operator(one).kill)


async def a_kill_of_the_tenant_again(stage: Stage) -> list[str]:
    """I10: the answer to a kill of the tenant was lost; its repeat raises no epoch."""
    alone = await stage.alone()
    one = await alone.worker()
    operator = alone.operator(one)
    first = await operator.kill_tenant()
    return broken({"the same is answered": await came_to(operator.kill_tenant) == first})


async def a_response_again_after_a_steal(stage: Stage) -> list[str]:
    """I2, I10: the first decisions are the answer, but no grant is signed for a lost lease."""

    async def steal(one: Hand) -> None:
        await stage.stolen(one)

    return await _after(stage, steal)


async def a_response_again_after_a_kill(stage: Stage) -> list[str]:
    """I11: no grant is signed for a killed session, not even one that was given before."""

    async def kill(one: Hand) -> None:
        await stage.operator(one).kill()

    return await _after(stage, kill)


async def a_response_again_after_a_kill_of_the_tenant(stage: Stage) -> list[str]:
    """I11: no grant is signed in a killed tenant, not even one that was given before."""
    alone = await stage.alone()

    async def kill(one: Hand) -> None:
        await alone.operator(one).kill_tenant()

    return await _after(alone, kill)


async def a_response_again_after_a_kill_of_its_tool(stage: Stage) -> list[str]:
    """I11: no grant is signed for a killed tool, not even one that was given before."""
    alone = await stage.alone()

    async def kill(one: Hand) -> None:
        await alone.operator(one).kill_wide("tool", LOOKUP[0])

    return await _after(alone, kill)


async def a_response_again_after_its_receipt(stage: Stage) -> list[str]:
    """I10: no grant is signed for a call that is settled."""

    async def settle(one: Hand) -> None:
        (row,) = await stage.calls(one)
        await stage.operator(one).settle(row["call_id"])

    return await _after(stage, settle)


async def _twice(stage: Stage, one: Hand, request: Request, first: object = None) -> list[str]:
    first = first or await request()
    before = await stage.footprint(one)
    again = await came_to(request)
    return broken(
        {
            "the same is answered": _without(again) == _without(first),
            "nothing is done a second time": await stage.footprint(one) == before,
        }
        | ended(again, "ok")
    )


def _without(answer: object) -> object:
    """Return an answer without what tells a replay from the first one."""
    fields = getattr(answer, "__struct_fields__", ())
    return {name: getattr(answer, name) for name in fields if name != "replayed"} or answer


async def _after(stage: Stage, change: Callable[[Hand], Awaitable[None]]) -> list[str]:
    one = await stage.worker()
    prepared = await one.prepare()
    first = await one.propose(prepared, LOOKUP)
    await change(one)
    again = await came_to(lambda: one.propose(prepared, LOOKUP))
    same = isinstance(again, ProposalAnswer) and [call.call_id for call in again.calls] == [
        call.call_id for call in first.calls
    ]
    return broken(
        {
            "the first time it was granted": (granted(first), signed(first)) == (1, 1),
            "the same calls are answered": same,
            "no grant is signed": signed(again) == 0,
        }
        | ended(again, "ok")
    )
