"""The sweeper: what is overdue becomes unknown, abandoned or expired; what is done is completed."""

from datetime import datetime
from typing import Final

from placet.events.model import SYSTEM_ACTOR, NewEvent
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.replay.calls import store
from placet.replay.calls.events import AskExpired, CallAbandoned, CallBecameUnknown
from placet.replay.calls.fold import evolve
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitNeed,
    CommitState,
    ExecutionState,
    ReplayPendingCall,
)
from placet.replay.calls.rules import Overdue, decide_overdue
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.store import SweepWrite, SweptCall
from placet.replay.sessions import store as sessions
from placet.replay.sessions.model import ReplaySession, SessionFinished, SessionState, SessionStatus
from placet.replay.sessions.policies import acting_for
from placet.replay.sessions.rules import decode_state, encode_state
from placet.storage.work import SWEEP_SESSION, WorkDue, take_due

BATCH: Final = 100
TAKEN_SECONDS: Final = 30


class Swept(Value, frozen=True):
    """What a sweep of one session leads to."""

    calls: list[SweptCall]
    said: list[Value]
    state: SessionState
    finished: bool


async def sweep_due(runtime: Runtime) -> int:
    """Sweep every session that is due, over all tenants. Returns how many there were.

    May run on several nodes at once: what one has taken the others leave, and a sweep that finds
    other facts than it decided on writes nothing and comes round again.
    """
    due = await take_due(runtime.db, SWEEP_SESSION, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        await sweep_session(runtime, work)
    return len(due)


async def sweep_session(runtime: Runtime, work: WorkDue) -> str:
    """Sweep one session. Returns the code of the function: `ok`, or `redo` for the next round."""
    principal: Principal = acting_for(work.tenant_id)
    async with runtime.db.reading(principal) as tx:
        session = await sessions.get_session(tx, work.ref)
        calls = await store.list_open_calls(tx, work.ref)
        now = await tx.now()
    swept = decide_sweep(session, calls, now)
    events: list[NewEvent] = [runtime.event(said) for said in swept.said]
    return await store.sweep(
        runtime.db.hot,
        SweepWrite(
            tenant_id=work.tenant_id,
            session_id=work.ref,
            actor_id=SYSTEM_ACTOR,
            decided_version=session.state_version,
            calls=swept.calls,
            state=encode_state(swept.state),
            finished=swept.finished,
            taken_due_at=work.due_at,
            events=events,
        ),
    )


def decide_sweep(session: ReplaySession, calls: list[ReplayPendingCall], now: datetime) -> Swept:
    """Return what the overdue calls of a session become, and whether the session is done."""
    state = decode_state(session.state)
    swept: list[SweptCall] = []
    said: list[Value] = []
    for call in calls:
        due = call.grant_expires_at if call.granted_at is not None else call.deadline_at
        if call.status is CallStatus.UNKNOWN or due is None or due > now:
            continue
        overdue = decide_overdue(
            call.status, call.execution_state, start_required=call.start_required
        )
        event = _event(call, overdue)
        state = evolve(state, event)
        said.append(event)
        swept.append(_swept(call, overdue))
        if overdue is Overdue.EXPIRED:
            swept += [_released(held) for held in calls if _waits_for(held, call)]
    ended = {call.call_id for call in swept if call.status is not CallStatus.UNKNOWN}
    finished = session.status is SessionStatus.CLOSING and all(
        call.call_id in ended for call in calls
    )
    if finished:
        said.append(SessionFinished(outcome="completed"))
    return Swept(calls=_once(swept), said=said, state=state, finished=finished)


def _event(call: ReplayPendingCall, overdue: Overdue) -> Value:
    match overdue:
        case Overdue.EXPIRED:
            return AskExpired(call_id=call.call_id, tool=call.tool_name)
        case Overdue.ABANDONED:
            return CallAbandoned(call_id=call.call_id, tool=call.tool_name)
        case Overdue.UNKNOWN:
            return CallBecameUnknown(
                call_id=call.call_id, tool=call.tool_name, why="no receipt came in time"
            )


def _swept(call: ReplayPendingCall, overdue: Overdue) -> SweptCall:
    commits = call.commit_requirement is not CommitNeed.NONE
    match overdue:
        case Overdue.EXPIRED:
            status, execution, commit = (
                CallStatus.EXPIRED,
                ExecutionState.NOT_STARTED,
                CommitState.NOT_REQUIRED,
            )
        case Overdue.ABANDONED:
            status, execution, commit = (
                CallStatus.ABANDONED,
                ExecutionState.NOT_STARTED,
                CommitState.REFUSED if commits else CommitState.NOT_REQUIRED,
            )
        case Overdue.UNKNOWN:
            status, execution, commit = (
                CallStatus.UNKNOWN,
                ExecutionState.UNKNOWN,
                call.commit_state,
            )
    return SweptCall(
        call_id=call.call_id,
        was=call.status,
        was_execution=call.execution_state,
        status=status,
        execution_state=execution,
        commit_state=commit,
        blocked_why=None,
    )


def _waits_for(held: ReplayPendingCall, asked: ReplayPendingCall) -> bool:
    return held.status is CallStatus.HELD and held.prepared_request_id == asked.prepared_request_id


def _released(held: ReplayPendingCall) -> SweptCall:
    """Block the allowed sibling of an ask that nobody answered."""
    return SweptCall(
        call_id=held.call_id,
        was=held.status,
        was_execution=held.execution_state,
        status=CallStatus.BLOCKED,
        execution_state=held.execution_state,
        commit_state=held.commit_state,
        blocked_why=BlockedWhy.RESPONSE_REFUSED,
    )


def _once(swept: list[SweptCall]) -> list[SweptCall]:
    """Return each call once: two asks of one response may both have held the same sibling."""
    return list({call.call_id: call for call in swept}.values())
