"""Looking at a call that people are asked about, and waiting until somebody answers."""

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator, Sequence
from typing import Final
from uuid import UUID

from placet.kernel.principal import Principal, Scope
from placet.plans.lookups.model import LOOK_AGAIN_SECONDS
from placet.plans.lookups.service import PlanWaits
from placet.policy.model import Gate
from placet.replay.asks import store
from placet.replay.asks.answers import CallView
from placet.replay.asks.deciding import ToldCall, ToldStep
from placet.replay.asks.editing import is_edited
from placet.replay.asks.model import AskStatus
from placet.replay.calls.model import CallStatus, ReplayPendingCall
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.model import SessionStatus
from placet.replay.sessions.views import check_reach

STEPS_MAX: Final = 1_000
"""Steps that are remembered for their claims."""

TOLD_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bytes of arguments that are remembered with these steps."""

WAITS_OF_TENANT_MAX: Final = 96
"""How many may wait for one tenant's sessions, so that some room is left for others."""


class AskWaits(PlanWaits):
    """Wakes those who wait for people to answer, by the session. Holds no connection.

    `told` are steps as they were last looked at, by session and call: what a claim is decided on
    first. `claim_v1` compares it with what stands there, so it may be wrong.
    """

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        super().__init__()
        self.told: OrderedDict[tuple[UUID, UUID], ToldStep] = OrderedDict()
        self._bytes = 0
        self._of_tenants: Counter[UUID] = Counter()

    def remember(self, place: tuple[UUID, UUID], told: ToldStep) -> None:
        """Remember a step for the claim of one of its calls; the oldest are forgotten."""
        self.take(place)
        self.told[place] = told
        self._bytes += _size(told)
        while len(self.told) > STEPS_MAX or self._bytes > TOLD_BYTES_MAX:
            self.take(next(iter(self.told)))

    def take(self, place: tuple[UUID, UUID]) -> ToldStep | None:
        """Return what is remembered for the claim of a call, and forget it."""
        told = self.told.pop(place, None)
        if told is not None:
            self._bytes -= _size(told)
        return told

    @contextlib.contextmanager
    def waiting_of(self, tenant_id: UUID, session_id: UUID) -> Iterator[asyncio.Event | None]:
        """Yield as `waiting` does, or none where too many wait for this tenant's sessions."""
        if self._of_tenants[tenant_id] >= WAITS_OF_TENANT_MAX:
            yield None
            return
        self._of_tenants[tenant_id] += 1
        try:
            with self.waiting(session_id) as event:
                yield event
        finally:
            self._of_tenants[tenant_id] -= 1
            if not self._of_tenants[tenant_id]:
                del self._of_tenants[tenant_id]


async def wait_for_answer(
    runtime: Runtime,
    waits: AskWaits,
    principal: Principal,
    place: tuple[UUID, UUID],
    seconds: float,
) -> CallView:
    """Return a call once nobody is waited for any more, or as it stands after `seconds`.

    `place` is its session and its id. At once where too many wait. Refuses `not_found`.
    """
    session_id, _ = place
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    with waits.waiting_of(principal.tenant_id, session_id) as event:
        while True:
            if event is not None:
                # Race: cleared before the look, so that a vote after the look wakes us.
                event.clear()
            view = await look(runtime, principal, place, waits)
            left = end - loop.time()
            if event is None or not _waits(view) or left <= 0 or waits.is_over:
                return view
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), min(left, LOOK_AGAIN_SECONDS))


async def look(
    runtime: Runtime, principal: Principal, place: tuple[UUID, UUID], waits: AskWaits
) -> CallView:
    """Return a call as it stands now. Refuses `not_found`."""
    session_id, call_id = place
    async with runtime.db.reading(principal) as tx:
        session = await check_reach(tx, principal, session_id)
        call = await store.get_call(tx, session_id, call_id)
        step = await store.list_step(tx, call)
        asks = await store.list_asks(tx, session_id, [each.call_id for each in step])
        votes = await store.list_votes(tx, session_id, [call_id])
        now = await tx.now()
        edits = []
        if call.status is CallStatus.SUPERSEDED:
            edits = await store.list_edits(tx, session_id, [call_id])
    pinned = await runtime.policies.get(runtime.db, session.tenant_id, session.artifact_id)
    is_whole = pinned.policy.gate is Gate.REJECT_ALL
    asked = [each for each in step if each.status is CallStatus.AWAITING_APPROVAL]
    approved = {each for each, ask in asks.items() if ask.status is AskStatus.APPROVED}
    wanted = {each.call_id for each in asked} if is_whole else {call_id}
    if call.status is CallStatus.AWAITING_APPROVAL and wanted <= approved:
        waits.remember(place, _told(session.state_version, call, step, approved))
    goes_on = session.status is SessionStatus.ACTIVE
    is_ahead = call.deadline_at is not None and call.deadline_at > now
    ask = asks.get(call_id)
    open_ask = None if call.deadline_at is None else AskStatus.OPEN
    return CallView(
        call_id=call_id,
        tool_call_id=call.tool_call_id,
        tool=call.tool_name,
        status=call.status,
        execution_state=call.execution_state,
        commit_state=call.commit_state,
        reasons=call.reasons,
        blocked_why=call.blocked_why,
        arguments_hash=call.arguments_hash.hex(),
        deadline=call.deadline_at,
        ask=open_ask if ask is None else ask.status,
        ask_reasons=[vote.reason for vote in votes if vote.reason is not None],
        may_be_claimed=call.status is CallStatus.AWAITING_APPROVAL
        and wanted <= approved
        and goes_on
        and is_ahead,
        superseded_by=next((each.new_call_id for each in edits if each.call_id == call_id), None),
        arguments=call.arguments.decode()
        if is_edited(call) and Scope.RUNTIME in principal.scopes
        else None,
    )


def _told(
    version: int,
    call: ReplayPendingCall,
    step: Sequence[ReplayPendingCall],
    approved: Collection[UUID],
) -> ToldStep:
    """Return a step as `claim_v1` would tell it at a version of its session."""
    asked = [each for each in step if each.status is CallStatus.AWAITING_APPROVAL]
    return ToldStep(
        state_version=version,
        prepared_request_id=call.prepared_request_id,
        approved=sorted(each.call_id for each in asked if each.call_id in approved),
        step=[
            ToldCall(
                call_id=each.call_id,
                ordinal=each.ordinal,
                tool_call_id=each.tool_call_id,
                tool=each.tool_name,
                arguments=each.arguments.decode(),
                status=each.status,
                counts=each.counts,
            )
            for each in step
        ],
    )


def _size(told: ToldStep) -> int:
    return sum(len(one.arguments) for one in told.step)


def _waits(view: CallView) -> bool:
    if view.status is CallStatus.HELD:
        return True
    return view.status is CallStatus.AWAITING_APPROVAL and not view.may_be_claimed
