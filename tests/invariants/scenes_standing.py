"""Races for what standing grants answer."""

from uuid import UUID

from tests.invariants.claims import broken, ended, granted
from tests.invariants.hands import Hand
from tests.invariants.stage import Stage
from tests.replay.asks.people import ESCALATE, AskDesk
from tests.replay.standing.people import given


async def the_last_use_wanted_by_two_sessions(stage: Stage) -> list[str]:
    """I6: a standing grant with one use left grants one of two calls; the other is asked about."""
    alone = await stage.alone()
    standing_id = await _given(alone)
    one, other = await alone.worker(), await alone.worker(1)
    first, second = await one.prepare(), await other.prepare()
    met = await alone.meet(
        one, lambda: one.propose(first, ESCALATE), other, lambda: other.propose(second, ESCALATE)
    )
    return broken(
        {
            "the second waits for the first": met.waited,
            "the first is granted": granted(met.first) == 1,
            "the second is asked about": [row["status"] for row in await alone.calls(other)]
            == ["awaiting_approval"],
            "one use is counted": await _used(alone, standing_id) == 1,
        }
        | ended(met.second, "ok")
    )


async def a_revocation_before_a_grant(stage: Stage) -> list[str]:
    """I11: what waited for the revocation of a standing grant is not granted by it."""
    alone = await stage.alone()
    standing_id = await _given(alone)
    one = await alone.worker()
    prepared, ender = await one.prepare(), alone.operator(one)
    met = await alone.meet(
        ender, lambda: _revoke(ender, standing_id), one, lambda: one.propose(prepared, ESCALATE)
    )
    return broken(
        {
            "the response waits for the revocation": met.waited,
            "the revocation is made": met.first == "ok",
            "nothing is granted": granted(met.second) == 0,
            "no use is counted": await _used(alone, standing_id) == 0,
        }
        | ended(met.second, "ok")
    )


async def _given(alone: Stage) -> UUID:
    desk = alone.desk
    people = AskDesk(desk.client, desk.db, desk.ids, desk.workplace)
    people.ada, people.workspace = desk.signer, desk.workspace
    return await given(people, uses=1)


async def _revoke(hand: Hand, standing_id: UUID) -> object:
    connection = hand.side.connection
    async with connection.transaction():
        tenant = str(hand.who.tenant_id)
        await connection.execute("SELECT set_config('placet.tenant', $1, true)", tenant)
        return await connection.fetchval(
            "SELECT placet.standing_revoke_v1($1, $2, 'no more')", standing_id, hand.who.actor_id
        )


async def _used(stage: Stage, standing_id: UUID) -> int:
    rows: int = await stage.watch.fetchval(
        "SELECT count(*) FROM placet.replay_standing_use WHERE standing_id = $1", standing_id
    )
    kept: int = await stage.watch.fetchval(
        "SELECT used FROM placet.replay_standing_grant WHERE standing_id = $1", standing_id
    )
    return rows if rows == kept else -1
