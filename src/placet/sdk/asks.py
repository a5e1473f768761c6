"""Waiting for people to answer a call, and claiming it once they said yes."""

import asyncio
import math
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec.structs import asdict, replace

from placet.kernel.refusals import Conflict, GovernanceUnavailable, Refusal
from placet.replay.calls.model import CallStatus, ReasonView
from placet.sdk.answers import CallState, Claimed, EditedCall, ProposedCall
from placet.sdk.errors import OutboxFull
from placet.sdk.giving_back import forgo_claimed, undisturbed
from placet.sdk.outbox import LOG
from placet.sdk.retry import chance
from placet.sdk.session import Session

WAIT_SECONDS: Final = 25
"""How long one request waits; the next one goes on where it ended."""

PAUSE_SECONDS: Final = 0.2
"""The least time between an answer that came at once and told nothing new, and the next look."""

PAUSE_SECONDS_MAX: Final = 2.5
"""Pauses double up to this, and up to as much again is added by chance."""

_MOVED: Final = frozenset({"ask_open", "ask_closed"})
"""Codes that tell that the call is not as it was a moment ago."""

WAITING: Final = frozenset({CallStatus.AWAITING_APPROVAL, CallStatus.HELD})


async def answered(
    session: Session, calls: Sequence[ProposedCall], seconds: float
) -> list[ProposedCall]:
    """Return these calls of one response once people have answered them, in the same order.

    What they approve is claimed, and comes back granted or refused; what they rejected comes back
    denied, with their reasons. A call that somebody edited comes back as the one in its place, with
    the arguments to run it with. After `seconds` whatever still waits comes back as it is. Raises
    `LeaseLost`, `OutboxFull` and the service's refusals where nothing was granted by then; where
    something was, the rest comes back as it is. What was granted to whoever is cancelled is given
    back.
    """
    waiting = _Waiting(session, session.means.clock.monotonic() + seconds)
    try:
        await _follow_all(waiting, calls)
    except (Refusal, OutboxFull) as refusal:
        # What was granted is not given up for the sake of what was not.
        if not waiting.granted:
            raise
        LOG.warning("calls still wait for people: %s", refusal)
    except asyncio.CancelledError:
        session.outlive(asyncio.ensure_future(forgo_claimed(session, waiting.granted)))
        raise
    return [waiting.end_of(call) for call in calls]


async def _follow_all(waiting: "_Waiting", calls: Sequence[ProposedCall]) -> None:
    for call in calls:
        if call.status is CallStatus.AWAITING_APPROVAL:
            await waiting.follow(call)
    for call in calls:
        # A call that only waited for others was granted with them, or is over with them.
        if call.status is CallStatus.HELD and call.call_id not in waiting.told:
            await waiting.look(call)


class _Waiting:
    """Calls of one response that wait: what was told of each, and what it became by edits."""

    def __init__(self, session: Session, until: float) -> None:
        self._session = session
        self._until = until
        self.told: dict[UUID, ProposedCall] = {}
        self._became: dict[UUID, ProposedCall] = {}

    def end_of(self, call: ProposedCall) -> ProposedCall:
        """Return what became of a call, under the id and with the arguments that it has now."""
        now = self._became.get(call.call_id, call)
        told = self.told.get(now.call_id, now)
        return told if not isinstance(now, EditedCall) else _edited(told, now.edited)

    @property
    def granted(self) -> list[ProposedCall]:
        """Return what is to be run."""
        return [one for one in self.told.values() if one.status is CallStatus.GRANTED]

    async def look(self, call: ProposedCall) -> None:
        """See how a call stands, and wait for nobody."""
        state = await _look(self._session, call.call_id, 0)
        self.told[call.call_id] = _told(call, state)

    async def follow(self, first: ProposedCall) -> None:
        """Wait until a call is answered, through all that is put in its place."""
        call = first
        while call.call_id not in self.told:
            now = await self._answered(call)
            if now is None:
                return
            arguments = (await _look(self._session, now, 0)).arguments
            if arguments is None:
                raise GovernanceUnavailable(detail="the service does not tell how it was edited")
            call = self._became[first.call_id] = _edited(replace(call, call_id=now), arguments)

    async def _answered(self, call: ProposedCall) -> UUID | None:
        """Wait until a call is answered. Returns the call in its place, if it was edited."""
        session, until = self._session, self._until
        claim_id, clock, in_vain = session.means.ids.new(), session.means.clock, 0
        while True:
            looked_at = clock.monotonic()
            left = until - looked_at
            seconds = max(0, min(WAIT_SECONDS, math.ceil(left)))
            state = await _look(session, call.call_id, seconds)
            if state.may_be_claimed:
                try:
                    claimed = await self._claimed(call.call_id, claim_id)
                except Conflict as fault:
                    # Somebody was faster; the next look tells how it stands.
                    if fault.code() not in _MOVED or left <= 0:
                        raise
                else:
                    self.told |= {one.call_id: one for one in _granted(claimed)}
                    return None
            elif state.superseded_by is not None:
                return state.superseded_by
            elif state.status not in WAITING:
                self.told[call.call_id] = _told(call, state)
                return None
            elif left <= 0:
                self.told[call.call_id] = call
                return None
            elif clock.monotonic() - looked_at >= seconds:
                in_vain = 0
                continue
            in_vain += 1
            pause = pause_seconds(in_vain, chance(session.means.ids.token(4)))
            await asyncio.sleep(max(0.0, min(pause, until - clock.monotonic())))

    async def _claimed(self, call_id: UUID, claim_id: UUID) -> Claimed:
        async def regret(claimed: Claimed) -> None:
            await forgo_claimed(self._session, claimed.calls)

        claiming = self._session.judge_again(call_id, claim_id)
        return await undisturbed(self._session, claiming, regret)


def pause_seconds(in_vain: int, luck: float) -> float:
    """Return the seconds until the next look, after so many in a row that told nothing new.

    `luck` is a number from 0 up to 1.
    """
    return min(PAUSE_SECONDS * 2.0 ** min(in_vain - 1, 30), PAUSE_SECONDS_MAX) * (1 + luck)


async def _look(session: Session, call_id: UUID, seconds: int) -> CallState:
    session.check()
    return await session.means.endpoints.call(session.session_id, call_id, wait=seconds)


def _edited(call: ProposedCall, arguments: str) -> EditedCall:
    return EditedCall(**(asdict(call) | {"edited": arguments}))


def _granted(claimed: Claimed) -> list[ProposedCall]:
    if not claimed.calls:
        raise GovernanceUnavailable(detail="the service's answer to a claim tells of no call")
    return claimed.calls


def _told(call: ProposedCall, state: CallState) -> ProposedCall:
    """Return a call as it ended, with what people said."""
    said = [
        ReasonView(code="approval_denied", rule="", detail=f"people said no: {reason}")
        for reason in state.ask_reasons
    ]
    denied = said if state.status is CallStatus.DENIED else []
    return replace(call, status=state.status, reasons=denied or call.reasons)
