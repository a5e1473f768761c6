"""Races with the claim of a call that people approved."""

import json
from collections.abc import Hashable
from uuid import UUID

from tests.invariants.asked import claimed, made_approved
from tests.invariants.claims import broken, ended
from tests.invariants.hands import Hand
from tests.invariants.interleave import Work, came_to
from tests.invariants.stage import NOTE, Stage

from placet.replay.asks.answers import ClaimAnswer
from placet.replay.calls.model import CallStatus
from placet.replay.sessions.lease_model import LeaseAction
from placet.replay.sessions.model import KillAnswer
from placet.storage.database import HotPool, HotRow


async def a_kill_before_a_claim(stage: Stage) -> list[str]:
    """I11: what waited for a kill is not granted, whoever approved it."""
    one, call = await made_approved(stage)
    operator = stage.operator(one)
    met = await stage.meet(operator, operator.kill, one, lambda: claimed(one, call))
    (row,) = await stage.calls(one)
    return broken(
        {"the claim waits for the kill": met.waited, "nothing is granted": not row["granted_at"]}
        | ended(met.second, "session_killed")
    )


async def a_claim_before_a_kill(stage: Stage) -> list[str]:
    """I11: a kill knows of every grant that a claim gave before it."""
    one, call = await made_approved(stage)
    operator = stage.operator(one)
    met = await stage.meet(one, lambda: claimed(one, call), operator, operator.kill)
    return broken(
        {
            "the kill waits for the claim": met.waited,
            "the grant is listed as unconfirmed": isinstance(met.second, KillAnswer)
            and met.second.unconfirmed == [call.call_id],
        }
    )


async def a_kill_of_the_tenant_before_a_claim(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a kill of the tenant is not granted."""
    alone = await stage.alone()
    one, call = await made_approved(alone)
    operator = alone.operator(one)
    met = await alone.meet(operator, operator.kill_tenant, one, lambda: claimed(one, call))
    (row,) = await alone.calls(one)
    return broken(
        {"the claim waits for the kill": met.waited, "nothing is granted": not row["granted_at"]}
        | ended(met.second, "tenant_killed")
    )


async def a_steal_before_a_claim(stage: Stage) -> list[str]:
    """I2: an overtaken holder claims nothing."""
    one, call = await made_approved(stage)
    thief = stage.operator(one)
    met = await stage.meet(
        thief,
        lambda: thief.lease(LeaseAction.STEAL, holder="another"),
        one,
        lambda: claimed(one, call),
    )
    (row,) = await stage.calls(one)
    return broken(
        {"the claim waits for the steal": met.waited, "nothing is granted": not row["granted_at"]}
        | ended(met.second, "lease_lost")
    )


async def two_claims_of_one_call(stage: Stage) -> list[str]:
    """I8: what people approved once is granted once."""
    one, call = await made_approved(stage)
    other = await stage.twin(one)
    met = await stage.meet(one, lambda: claimed(one, call), other, lambda: claimed(other, call))
    told = [e for e in await stage.events(one) if e["type"] == "CallClaimed"]
    return broken(
        {
            "the second waits for the first": met.waited,
            "the first is granted": _granted(met.first) == 1,
            "one claim is told": len(told) == 1,
        }
        | ended(met.second, "ask_closed")
    )


async def the_same_claim_twice_at_once(stage: Stage) -> list[str]:
    """I10: a claim that is sent twice is written once, and both are answered alike."""
    one, call = await made_approved(stage)
    other = await stage.twin(one)
    claim_id = one.ids.new()
    met = await stage.meet(
        one, lambda: claimed(one, call, claim_id), other, lambda: claimed(other, call, claim_id)
    )
    told = [e for e in await stage.events(one) if e["type"] == "CallClaimed"]
    return broken(
        {
            "the second waits for the first": met.waited,
            "the second is the first again": isinstance(met.second, ClaimAnswer)
            and met.second.replayed
            and _granted(met.second) == 1,
            "one claim is told": len(told) == 1,
        }
    )


async def facts_that_move_while_a_claim_is_decided(stage: Stage) -> list[str]:
    """I7: a claim that was decided on older facts is decided again, and forgets nothing."""
    one, call = await made_approved(stage)
    other = await stage.twin(one)

    async def propose() -> object:
        return await other.call(*NOTE)

    _between(one, propose)
    outcome = await came_to(lambda: claimed(one, call))
    row = await stage.session(one)
    return broken(
        {
            "the claim is granted": _granted(outcome) == 1,
            "both calls count": json.loads(row["state"])["counted"] == {"escalate": 1, "note": 1},
        }
    )


def _granted(outcome: object) -> int:
    if not isinstance(outcome, ClaimAnswer):
        return 0
    return sum(call.status is CallStatus.GRANTED for call in outcome.calls)


class _Between(HotPool):
    """Lets something happen after the first call, and before the second."""

    def __init__(self, hot: HotPool, happens: Work) -> None:
        self._hot = hot
        self._happens: Work | None = happens

    async def rows(
        self, query: str, *arguments: object, reserved: bool = False, owed: bool = False
    ) -> list[HotRow]:
        found = await self._hot.rows(query, *arguments, reserved=reserved, owed=owed)
        await self._then()
        return found

    async def together(
        self,
        name: str,
        key: Hashable,
        session: UUID,
        arguments: tuple[object, ...],
        *,
        owed: bool = False,
    ) -> HotRow:
        found = await self._hot.together(name, key, session, arguments, owed=owed)
        await self._then()
        return found

    async def _then(self) -> None:
        happens, self._happens = self._happens, None
        if happens is not None:
            await happens()


def _between(hand: Hand, happens: Work) -> None:
    """Let something happen once a hand's next question to the database is answered."""
    hand.runtime.db.hot = _Between(hand.runtime.db.hot, happens)
