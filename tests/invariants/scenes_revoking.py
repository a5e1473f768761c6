"""Races with the end of an approval: its revocation, its expiry, and whatever runs under it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from tests.invariants.claims import broken, ended, first_call, granted, signed
from tests.invariants.hands import Hand
from tests.invariants.interleave import Met, Work, came_to, waits
from tests.invariants.stage import LOOKUP, Stage

from placet.kernel.principal import Principal
from placet.replay.sessions import service as sessions
from placet.replay.sessions.lease_model import LeaseAction
from placet.replay.sessions.model import OpenSession, SessionStatus, SessionView
from placet.storage.database import Writing
from placet.studio.endings import service as endings
from placet.studio.endings.model import RevocationAnswer, RevokeApproval

SOON = "800 milliseconds"


@dataclass
class _Deed:
    """Something that is done in an ordinary transaction, and by whom."""

    who: Principal
    work: Callable[[Writing], Awaitable[object]]


async def a_revocation_before_a_response(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a revocation is not granted."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    met = await _held_before(alone, _revoking(alone), one, lambda: one.propose(prepared, LOOKUP))
    return broken(
        {
            "the response waits for the revocation": met.waited,
            "no call is registered": not await alone.calls(one),
        }
        | ended(met.second, "artifact_revoked")
    )


async def a_revocation_before_a_start(stage: Stage) -> list[str]:
    """I11: what waited at the gate for a revocation is not started."""
    alone = await stage.alone()
    one = await alone.worker()
    call = await one.call(*LOOKUP)
    met = await _held_before(alone, _revoking(alone), one, lambda: one.start(call))
    (row,) = await alone.calls(one)
    return broken(
        {
            "the start waits for the revocation": met.waited,
            "the call is not started": row["execution_state"] == "not_started",
        }
        | ended(met.second, "artifact_revoked")
    )


async def a_response_before_a_revocation(stage: Stage) -> list[str]:
    """I11: a revocation is not answered while a response that passed the gate may still commit."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    met = await _before_held(alone, one, lambda: one.propose(prepared, LOOKUP), _revoking(alone))
    return broken(
        {
            "the revocation waits for the response": met.waited,
            "the response is granted": granted(met.first) == 1,
            "the session is counted": isinstance(met.second, RevocationAnswer)
            and met.second.sessions_open == 1,
        }
        | ended(await came_to(lambda: one.start(first_call(met.first))), "artifact_revoked")
    )


async def a_start_before_a_revocation(stage: Stage) -> list[str]:
    """I11: a revocation is not answered while a start that passed the gate may still commit."""
    alone = await stage.alone()
    one = await alone.worker()
    call = await one.call(*LOOKUP)
    met = await _before_held(alone, one, lambda: one.start(call), _revoking(alone))
    return broken({"the revocation waits for the start": met.waited} | ended(met.second, "ok"))


async def a_revocation_before_an_opening(stage: Stage) -> list[str]:
    """I11: a session that was being opened on what is revoked is not opened."""
    alone = await stage.alone()
    await alone.worker()
    met = await _two_held(alone, _revoking(alone), _opening(alone))
    return broken(
        {"the opening waits for the revocation": met.waited} | ended(met.second, "artifact_revoked")
    )


async def an_opening_before_a_revocation(stage: Stage) -> list[str]:
    """I11: a revocation is not answered before a session that is being opened is there to end."""
    alone = await stage.alone()
    await alone.worker()
    met = await _two_held(alone, _opening(alone), _revoking(alone))
    opened, revoked = met.first, met.second
    assert isinstance(opened, SessionView), opened
    assert isinstance(revoked, RevocationAnswer), revoked
    late = alone.hand(0, opened.session_id)
    return broken(
        {
            "the revocation waits for the opening": met.waited,
            "both sessions are counted": revoked.sessions_open == 2,
        }
        | ended(await came_to(late.lease), "artifact_revoked")
    )


async def a_revocation_of_something_else(stage: Stage) -> list[str]:
    """I11: what a revocation does not reach goes on as if there were none."""
    alone = await stage.alone()
    revoking = _revoking(alone)
    await alone.desk.approve_again()
    one = await alone.worker()
    call = await one.call(*LOOKUP)
    prepared = await one.prepare()
    met = await _held_before(alone, revoking, one, lambda: one.propose(prepared, LOOKUP))
    return broken(
        {
            "the response waits for the revocation": met.waited,
            "the response is granted": granted(met.second) == 1,
        }
        | ended(met.first, "ok")
        | ended(await came_to(lambda: one.start(call)), "ok")
    )


async def a_response_again_after_the_approval_expired(stage: Stage) -> list[str]:
    """I4: a repeated response is answered, and signed only while its approval lasts."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    first = await one.propose(prepared, LOOKUP)
    await _ends(alone, one, "-1 second")
    again = await one.twin(alone.sides[1]).propose(prepared, LOOKUP)
    return broken(
        {
            "the first answer is signed": signed(first) == 1,
            "the second tells of the grant": granted(again) == 1,
            "and does not sign it": signed(again) == 0,
        }
    )


async def a_response_that_waits_past_the_approval(stage: Stage) -> list[str]:
    """I4: an approval is judged by the clock after the wait, not by the one before it."""
    alone = await stage.alone()
    one = await alone.worker()
    other = await alone.twin(one)
    prepared = await other.prepare()
    await _ends(alone, one, SOON)
    until = (await alone.session(one))["authority_until"]
    met = await alone.meet(
        one,
        lambda: one.lease(LeaseAction.RENEW),
        other,
        lambda: other.propose(prepared, LOOKUP),
        lambda: alone.until(until),
    )
    return broken(
        {
            "the response waits": met.waited,
            "no call is registered": not await alone.calls(one),
        }
        | ended(met.second, "authority_expired")
    )


async def an_ending_written_down_before_a_response(stage: Stage) -> list[str]:
    """I11, I40: a worker that writes an end down decides nothing: it is told the same before."""
    alone = await stage.alone()
    one = await alone.worker()
    prepared = await one.prepare()
    await _ends(alone, one, "-1 second")
    other = alone.operator(one)
    met = await alone.meet(other, other.end, one, lambda: one.propose(prepared, LOOKUP))
    row = await alone.session(one)
    return broken(
        {
            "it is written down": row["status"] == SessionStatus.EXPIRED,
            "the response waits for it": met.waited,
        }
        | ended(met.second, "authority_expired")
    )


async def an_ending_that_does_not_hold(stage: Stage) -> list[str]:
    """I40: a worker that believes in an end which controls and clock deny writes nothing."""
    alone = await stage.alone()
    one = await alone.worker()
    before = await alone.footprint(one)
    outcome = await alone.operator(one).end()
    return broken(
        {
            "it comes round again": outcome == "redo",
            "nothing is written": before == await alone.footprint(one),
        }
    )


def _revoking(stage: Stage) -> _Deed:
    desk, approval_id = stage.desk, stage.desk.approval_id
    asked = RevokeApproval(reason="it pays too much")
    assert approval_id is not None

    async def work(tx: Writing) -> object:
        return await endings.revoke_approval(tx, approval_id, asked, desk.ids, is_operator=True)

    return _Deed(desk.operator, work)


def _opening(stage: Stage) -> _Deed:
    desk = stage.desk
    runtime = stage.operator(stage.hand(0, UUID(int=0))).runtime

    async def work(tx: Writing) -> object:
        return await sessions.open_session(
            tx, desk.runtime, OpenSession(), runtime.policies, desk.ids
        )

    return _Deed(desk.runtime, work)


async def _held_before(stage: Stage, deed: _Deed, one: Hand, work: Work) -> Met:
    """Let a work of the hot path overtake a deed that is done and not committed."""
    async with stage.desk.db.writing(deed.who) as tx:
        first = await deed.work(tx)
        late = asyncio.ensure_future(came_to(work))
        waited = await waits(stage.watch, one.side.pid, late)
    return Met(first, await late, waited)


async def _before_held(stage: Stage, one: Hand, work: Work, deed: _Deed) -> Met:
    """Let a deed overtake a work of the hot path that is done and not committed."""
    async with one.side.holding():
        first = await came_to(work)
        late, waited = await _late(stage, deed)
    return Met(first, await late, waited)


async def _two_held(stage: Stage, one: _Deed, other: _Deed) -> Met:
    """Let a deed overtake another that is done and not committed."""
    async with stage.desk.db.writing(one.who) as tx:
        first = await one.work(tx)
        late, waited = await _late(stage, other)
    return Met(first, await late, waited)


async def _late(stage: Stage, deed: _Deed) -> tuple[asyncio.Future[object], bool]:
    """Begin a deed, and tell whether it came to a wait."""
    at = asyncio.get_running_loop().create_future()

    async def begin() -> object:
        async with stage.desk.db.writing(deed.who) as tx:
            ((pid,),) = await tx.rows(sa.text("SELECT pg_backend_pid()"))
            at.set_result(pid)
            return await deed.work(tx)

    late = asyncio.ensure_future(came_to(begin))
    return late, await waits(stage.watch, await at, late)


async def _ends(stage: Stage, one: Hand, after: str) -> None:
    """Let the approval that a session runs under end after this long, as time would."""
    async with stage.owner.transaction():
        await stage.owner.execute(
            "SELECT set_config('placet.tenant', $1, true)", str(one.who.tenant_id)
        )
        await stage.owner.execute(
            "UPDATE placet.replay_session"
            " SET authority_until = clock_timestamp() + $2::text::interval"
            " WHERE session_id = $1",
            one.session_id,
            after,
        )
