"""Races for what standing grants answer."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from uuid import UUID

import sqlalchemy as sa
from tests.invariants.claims import broken, ended, granted
from tests.invariants.hands import Hand
from tests.invariants.interleave import Met, came_to, waits
from tests.invariants.stage import Stage
from tests.replay.asks.people import ESCALATE, AskDesk
from tests.replay.standing.people import given

from placet.authority import service as authority
from placet.authority.model import RevokeKey
from placet.storage.database import Writing
from placet.studio.archives import service as archives
from placet.studio.enrolments import service as enrolments
from placet.studio.enrolments.model import RemoveApprover
from placet.studio.workspaces.model import ArchiveWorkspace
from placet.tenancy import service as tenancy

End = Callable[[Writing], Awaitable[object]]


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


async def a_grant_before_the_end_of_its_signer(stage: Stage) -> list[str]:
    """I11: no end of a signer is answered while a grant on their word may still commit."""
    broke: list[str] = []
    for name in ("key", "person", "place", "workspace"):
        alone = await stage.alone()
        standing_id = await _given(alone, uses=2)
        one, late = await alone.worker(), await alone.worker()
        prepared = await one.prepare()
        async with one.side.holding():
            first = await came_to(functools.partial(one.propose, prepared, ESCALATE))
            second, waited = await _late(alone, _ends(alone)[name])
        outcome = await second
        after = await came_to(functools.partial(_proposed, late))
        broke += broken(
            {
                f"the end of the {name} waits for the grant": waited,
                f"the first is granted before the end of the {name}": granted(first) == 1,
                f"nothing is granted after the end of the {name}": granted(after) == 0,
                f"one use is counted before the end of the {name}": await _used(alone, standing_id)
                == 1,
            }
            | ended(outcome, "ok")
        )
    return broke


async def the_end_of_a_signers_key_before_a_grant(stage: Stage) -> list[str]:
    """I11: what waited at the gate for the end of the signer's key is not granted on it."""
    alone = await stage.alone()
    standing_id = await _given(alone)
    one = await alone.worker()
    prepared = await one.prepare()
    async with alone.desk.db.writing(alone.desk.workplace.founder) as tx:
        first = await _ends(alone)["key"](tx)
        late = asyncio.ensure_future(came_to(lambda: one.propose(prepared, ESCALATE)))
        waited = await waits(alone.watch, one.side.pid, late)
    met = Met(first, await late, waited)
    return broken(
        {
            "the response waits for the end of the key": met.waited,
            "nothing is granted": granted(met.second) == 0,
            "no use is counted": await _used(alone, standing_id) == 0,
        }
        | ended(met.second, "ok")
    )


def _ends(stage: Stage) -> dict[str, End]:
    """Return the ends of a signer's word that are told without a word of the grant."""
    desk = stage.desk
    key_id, actor_id = desk.signer.key.key_id, desk.signer.principal.actor_id
    workspace_id = desk.workspace.workspace_id
    why = "they left"
    return {
        "key": lambda tx: authority.revoke_key(
            tx, key_id, RevokeKey(reason=why), desk.ids, is_admin=True
        ),
        "person": lambda tx: tenancy.disable_actor(tx, actor_id, desk.ids),
        "place": lambda tx: enrolments.remove_approver(
            tx, workspace_id, actor_id, RemoveApprover(reason=why), desk.ids, is_admin=True
        ),
        "workspace": lambda tx: archives.archive_workspace(
            tx, workspace_id, ArchiveWorkspace(reason=why), desk.ids
        ),
    }


async def _late(stage: Stage, end: End) -> tuple[asyncio.Future[object], bool]:
    """Begin an end, and tell whether it came to a wait."""
    at = asyncio.get_running_loop().create_future()

    async def begin() -> object:
        async with stage.desk.db.writing(stage.desk.workplace.founder) as tx:
            ((pid,),) = await tx.rows(sa.text("SELECT pg_backend_pid()"))
            at.set_result(pid)
            return await end(tx)

    late = asyncio.ensure_future(came_to(begin))
    return late, await waits(stage.watch, await at, late)


async def _proposed(hand: Hand) -> object:
    return await hand.propose(await hand.prepare(), ESCALATE)


async def _given(alone: Stage, uses: int = 1) -> UUID:
    desk = alone.desk
    people = AskDesk(desk.client, desk.db, desk.ids, desk.workplace)
    people.ada, people.workspace = desk.signer, desk.workspace
    return await given(people, uses=uses)


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
