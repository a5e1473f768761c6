"""Going on with what an earlier process left: calls that wait for people, and unknown ones."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.refusals import Conflict, Refusal
from placet.kernel.value import Value
from placet.replay.calls.model import CallStatus, Verdict
from placet.replay.sessions.refusals import LeaseLost
from placet.sdk.answers import PendingCall, ProposedCall
from placet.sdk.asks import WAITING
from placet.sdk.endpoints import ToolCall
from placet.sdk.errors import OutboxFull
from placet.sdk.outbox import LOG
from placet.sdk.outcomes import Ending, Outcome
from placet.sdk.reconcile import Reading, Reconciled, reconcile
from placet.sdk.session import Session
from placet.sdk.turn import Tools, go_on

_ROUNDS_MAX: Final = 64


class Stopped(Value, frozen=True):
    """What ended a going on early: a refusal, and the calls that it was said of.

    `call_ids` is empty where it was said of the session: what was open there was not even read.
    """

    refusal: Refusal | OutboxFull
    call_ids: list[UUID]


class Resumed(Value, frozen=True):
    """What became of the calls that were open.

    `outcomes` has one for each call that waited for people; `reconciled` what a read told of each
    unknown call whose contract names one, by the call's id. `stopped` is there where not all that
    was open was come to.
    """

    outcomes: list[Outcome]
    reconciled: dict[UUID, Reconciled]
    stopped: Stopped | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing has become of any call: a reading that settles none is none."""
        told = self.reconciled.values()
        return not self.outcomes and all(one.reading is not Reading.SETTLED for one in told)


async def resume(session: Session, tools: Tools) -> Resumed:
    """Ask the reads that tell of unknown calls, then wait for people and run what they approve.

    `tools` maps names to callables, among them the reads. Each step that waits is waited for up to
    `session.approval_seconds`; what still waits then is a `WAITING` outcome, and so is one
    that moved meanwhile. A refusal that concerns more than one call, such as a lost lease, ends it.
    It is raised if nothing has become of any call by then; otherwise it is what `stopped` says,
    because what has happened must not be lost with it.
    """
    resumed = Resumed(outcomes=[], reconciled={})
    at: list[UUID] = []
    try:
        await _resume_all(session, tools, resumed, at)
    except (Refusal, OutboxFull) as refusal:
        if resumed.is_empty:
            raise
        LOG.warning("what is open was not come to: %s", refusal)
        stopped = Stopped(refusal=refusal, call_ids=list(at))
        return msgspec.structs.replace(resumed, stopped=stopped)
    return resumed


async def _resume_all(session: Session, tools: Tools, resumed: Resumed, at: list[UUID]) -> None:
    """Go on with all; `at` holds the calls that are just asked for."""
    seen: set[UUID] = set()
    for _ in range(_ROUNDS_MAX):
        session.check()
        # The first open calls are shown; what is over makes room for more.
        state = await session.state(pending=True)
        fresh = [call for call in state.pending or [] if call.call_id not in seen]
        seen |= {call.call_id for call in fresh}
        await _resume_some(session, tools, fresh, resumed, at)
        if not state.more_pending or not fresh:
            break


async def _resume_some(
    session: Session,
    tools: Tools,
    found: Sequence[PendingCall],
    resumed: Resumed,
    at: list[UUID],
) -> None:
    for call in found:
        if call.status == CallStatus.UNKNOWN and call.reconcile is not None:
            at[:] = [call.call_id]
            resumed.reconciled[call.call_id] = await _reconciled(session, call, tools)
    steps: dict[UUID, list[PendingCall]] = {}
    for call in found:
        if call.status in WAITING and call.arguments is None:
            why = "its arguments are too long to be read back"
            resumed.outcomes.append(_left(call, Ending.NOT_RUN, f"was not run: {why}"))
        elif call.status in WAITING:
            steps.setdefault(call.prepared_request_id, []).append(call)
    for step in steps.values():
        at[:] = [call.call_id for call in step]
        resumed.outcomes.extend(await _gone_on(session, tools, step))
    at.clear()


async def _gone_on(session: Session, tools: Tools, step: Sequence[PendingCall]) -> list[Outcome]:
    try:
        return await go_on(session, tools, [_as_proposed(call) for call in step])
    except LeaseLost:
        raise
    except Conflict as refusal:
        # One step that moved meanwhile does not keep the others.
        words = f"still waits for people: {refusal}"
        return [_left(call, Ending.WAITING, words) for call in step]


async def _reconciled(session: Session, call: PendingCall, tools: Tools) -> Reconciled:
    try:
        return await reconcile(session, call, tools)
    except LeaseLost:
        raise
    except Conflict as refusal:
        return Reconciled(reading=Reading.NOT_READ, detail=str(refusal))


def _left(call: PendingCall, ending: Ending, words: str) -> Outcome:
    return Outcome(
        tool_call_id=call.tool_call_id,
        tool=call.tool,
        ending=ending,
        text=f"`{call.tool}` {words}",
        call_id=call.call_id,
        deadline=call.deadline if ending is Ending.WAITING else None,
    )


def _as_proposed(call: PendingCall) -> tuple[ToolCall, ProposedCall]:
    asked = ToolCall(id=call.tool_call_id, name=call.tool, arguments=call.arguments or "")
    return asked, ProposedCall(
        call_id=call.call_id,
        tool_call_id=call.tool_call_id,
        tool=call.tool,
        verdict=Verdict.ASK,
        status=CallStatus(call.status),
        start_required=call.start_required,
        arguments_hash=call.arguments_hash,
        deadline=call.deadline,
    )
