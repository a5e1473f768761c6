"""The sweeper: what is overdue is settled by the evidence on record, or becomes what it must.

A call with a receipt that is evidence enough is settled by it, as the caller's retry would have
done. Without one it is unknown; or abandoned, if it had to be started, never was, and nobody ever
reported on it; or expired, if it waited for an answer. In a session that closes, what waits for
people is cancelled at once. What is done is completed. A sweep reads what is due and no more of a
session, however many of its calls are open.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from placet.events.model import SYSTEM_ACTOR
from placet.kernel.value import Value
from placet.policy.loaded import Policy
from placet.policy.wider import is_wider
from placet.replay.calls import hosts, store
from placet.replay.calls.events import AskExpired, CallAbandoned, CallBecameUnknown
from placet.replay.calls.fold import evolve
from placet.replay.calls.hosts import NO_REPORTS, Reports
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitNeed,
    CommitState,
    ExecutionState,
    ReplayExecutionReceipt,
    ReplayPendingCall,
    Stop,
)
from placet.replay.calls.next_call import NOTHING_LEFT, CountedCall, Left, NextCall
from placet.replay.calls.rules import Overdue, Word, decide_overdue, settle
from placet.replay.calls.runtime import ATTEMPTS, Runtime
from placet.replay.calls.writes import SweepWrite, SweptCall
from placet.replay.sessions import store as sessions
from placet.replay.sessions.model import ReplaySession, SessionFinished, SessionStatus
from placet.replay.sessions.policies import acting_for
from placet.replay.sessions.rules import decode_state, encode_state
from placet.replay.sessions.state import SNAPSHOT_EVENTS, SessionState
from placet.storage.database import Reading
from placet.storage.work import SNAPSHOT_SESSION, SWEEP_SESSION, WorkDue, put_due, take_due

BATCH: Final = 100
TAKEN_SECONDS: Final = 30
OVERDUE_MAX: Final = 256
"""How many overdue calls of one session a sweep reads and decides; the next one takes the rest."""
_LOG: Final = logging.getLogger("placet.worker")

Evidence: TypeAlias = tuple[Mapping[UUID, ReplayExecutionReceipt], Mapping[UUID, Reports]]
"""The receipts that settle calls, and what was reported of calls at all, each by call."""


class Looked(Value, frozen=True):
    """What a sweep finds of a session: its overdue calls, and what hangs on them.

    `held` are the calls that wait for an ask among them, `alive` is how many calls of each of their
    steps count, and `is_last` says that no other grant of a closing session is out or unknown.
    """

    overdue: list[ReplayPendingCall]
    held: list[ReplayPendingCall]
    alive: dict[int, int]
    is_last: bool


class Swept(Value, frozen=True):
    """What a sweep of one session leads to."""

    calls: list[SweptCall]
    said: list[Value]
    state: SessionState
    status: SessionStatus
    left: Left
    stop: Stop | None


async def sweep_due(runtime: Runtime) -> int:
    """Sweep every session that is due, over all tenants. Returns how many there were.

    May run on several nodes at once: what one has taken the others leave, and a sweep that finds
    other facts than it decided on writes nothing and comes round again.
    """
    due = await take_due(runtime.db, SWEEP_SESSION, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            for _ in range(ATTEMPTS):
                if await sweep_session(runtime, work) != "redo":
                    break
        except Exception:  # noqa: BLE001 -- one session's fault keeps no other waiting
            _LOG.exception("session %s was not swept and comes round again", work.ref)
    return len(due)


async def sweep_session(runtime: Runtime, work: WorkDue) -> str:
    """Sweep one session. Returns the code of the function: `ok`, or `redo` for the next round."""
    async with runtime.db.reading(acting_for(work.tenant_id)) as tx:
        session = await sessions.get_session(tx, work.ref)
        now = await tx.now()
        # What is left stays overdue, so that the session is due again at once.
        overdue = await store.list_overdue_calls(
            tx, work.ref, session.next_due_at, now, limit=OVERDUE_MAX
        )
        ids = [call.call_id for call in overdue]
        reports = await hosts.read_reports(tx, session.environment, work.ref, ids)
        looked = await _look(tx, session, overdue)
    pinned = await runtime.policies.get(runtime.db, work.tenant_id, session.artifact_id)
    receipts = await _chosen(runtime, pinned.policy, session, overdue, reports)
    swept = decide_sweep(pinned.policy, session, looked, (receipts, reports))
    code = await store.sweep(
        runtime.db.hot,
        SweepWrite(
            tenant_id=work.tenant_id,
            session_id=work.ref,
            actor_id=SYSTEM_ACTOR,
            decided_version=session.state_version,
            calls=swept.calls,
            state=encode_state(swept.state),
            phase=swept.state.phase,
            status=swept.status,
            left=swept.left,
            stop=swept.stop,
            taken_due_at=work.due_at,
            events=[runtime.event(said) for said in swept.said],
        ),
    )
    if code == "ok" and session.next_seq > SNAPSHOT_EVENTS:
        async with runtime.db.writing(acting_for(work.tenant_id)) as writing:
            await put_due(writing, SNAPSHOT_SESSION, work.ref, now)
    return code


async def _look(tx: Reading, session: ReplaySession, overdue: list[ReplayPendingCall]) -> Looked:
    """Return what hangs on the overdue calls of a session."""
    asked = {c.prepared_request_id for c in overdue if c.status is CallStatus.AWAITING_APPROVAL}
    session_id, ids = session.session_id, [call.call_id for call in overdue]
    prepared = {call.prepared_request_id for call in overdue}
    is_closing = session.status is SessionStatus.CLOSING
    return Looked(
        overdue=overdue,
        held=await store.list_held_calls(tx, session_id, asked) if asked else [],
        alive=await store.count_alive(tx, session_id, prepared),
        is_last=is_closing and not await store.is_any_out(tx, session_id, ids),
    )


async def _chosen(
    runtime: Runtime,
    policy: Policy,
    session: ReplaySession,
    overdue: Sequence[ReplayPendingCall],
    reports: Mapping[UUID, Reports],
) -> dict[UUID, ReplayExecutionReceipt]:
    """Return the receipts that settle calls, by call, at the levels at which they count now."""
    chosen = {}
    for call in overdue:
        known = reports.get(call.call_id, NO_REPORTS)
        word = hosts.choose(known, policy.tools.get(call.tool_name), session.environment)
        if word is not None:
            chosen[word.receipt_id] = word.evidence_level
    if not chosen:
        return {}
    async with runtime.db.reading(acting_for(session.tenant_id)) as tx:
        found = await store.list_receipts(tx, session.session_id, chosen)
    return {
        call_id: msgspec.structs.replace(receipt, evidence_level=chosen[receipt.receipt_id])
        for call_id, receipt in found.items()
    }


def decide_sweep(
    policy: Policy, session: ReplaySession, looked: Looked, evidence: Evidence
) -> Swept:
    """Return what the overdue calls of a session become, and whether the session is done.

    One that begins to close here is swept again at once, and is done then at the earliest.
    """
    receipts, reports = evidence
    state = decode_state(session.state)
    status = session.status
    left, stop = NOTHING_LEFT, None
    counting = dict(looked.alive)
    swept: list[SweptCall] = []
    said: list[Value] = []
    for call in looked.overdue:
        receipt = receipts.get(call.call_id)
        others = counting.get(call.step_id, 1) - 1
        if receipt is None:
            became = decide_overdue(
                call.status,
                call.execution_state,
                start_required=call.start_required,
                is_reported=call.call_id in reports,
            )
            event = _event(call, became, others)
            swept.append(_swept(call, became))
            if became is Overdue.EXPIRED:
                swept += [_released(held) for held in looked.held if _waits_for(held, call)]
            if became is Overdue.ABANDONED:
                tool = policy.tools.get(call.tool_name)
                left = left.plus(Left(releases=[call.call_id], is_wide=is_wider(tool)))
            state = evolve(state, event)
            said.append(event)
        else:
            following = settle(policy, state, _word(_counted(call, others), receipt))
            swept.append(_settled(call, following, receipt))
            if status is SessionStatus.ACTIVE:
                status = following.session_status or status
            left = left.plus(following.left)
            state = following.after
            said += following.said
            stop = stop or following.stop
        counting[call.step_id] = others + (not swept[-1].frees_effect_key)
        if stop is not None:
            break
    swept = _once(swept)
    is_out = any(call.status is CallStatus.UNKNOWN for call in swept)
    if stop is None and looked.is_last and not is_out:
        status = SessionStatus.COMPLETED
        said.append(SessionFinished(outcome="completed"))
    return Swept(calls=swept, said=said, state=state, status=status, left=left, stop=stop)


def _counted(call: ReplayPendingCall, others: int) -> CountedCall:
    return CountedCall(
        call_id=call.call_id,
        tool=call.tool_name,
        arguments=call.arguments,
        phase=call.phase_at_grant,
        step=call.step_id,
        since=call.granted_at or call.proposed_at,
        status=call.status,
        others=others,
        cost_micros=call.cost_micros,
    )


def _word(call: CountedCall, receipt: ReplayExecutionReceipt) -> Word:
    return Word(
        call=call,
        status=receipt.status,
        level=receipt.evidence_level,
        output=receipt.output,
        receipt_id=receipt.receipt_id,
        cost_micros=receipt.cost_micros,
    )


def _settled(
    call: ReplayPendingCall, following: NextCall, receipt: ReplayExecutionReceipt
) -> SweptCall:
    return SweptCall(
        call_id=call.call_id,
        was=call.status,
        was_execution=call.execution_state,
        status=following.status or call.status,
        execution_state=following.execution_state,
        commit_state=following.commit_state,
        frees_effect_key=following.frees_effect_key,
        settled_by=receipt.receipt_id,
        evidence_level=receipt.evidence_level,
    )


def _event(call: ReplayPendingCall, became: Overdue, others: int) -> Value:
    match became:
        case Overdue.EXPIRED:
            return AskExpired(call_id=call.call_id, tool=call.tool_name)
        case Overdue.ABANDONED:
            return CallAbandoned(call_id=call.call_id, tool=call.tool_name, step_ends=not others)
        case Overdue.UNKNOWN:
            return CallBecameUnknown(
                call_id=call.call_id, tool=call.tool_name, why="no receipt settled it in time"
            )


def _swept(call: ReplayPendingCall, became: Overdue) -> SweptCall:
    status, execution, commit = CallStatus.UNKNOWN, ExecutionState.UNKNOWN, call.commit_state
    if became is not Overdue.UNKNOWN:
        commits = call.commit_requirement is not CommitNeed.NONE
        status = CallStatus(became.value)
        execution = ExecutionState.NOT_STARTED
        was_granted = became is Overdue.ABANDONED
        commit = CommitState.REFUSED if was_granted and commits else CommitState.NOT_REQUIRED
    return SweptCall(
        call_id=call.call_id,
        was=call.status,
        was_execution=call.execution_state,
        status=status,
        execution_state=execution,
        commit_state=commit,
        frees_effect_key=became is Overdue.ABANDONED,
    )


def _waits_for(held: ReplayPendingCall, asked: ReplayPendingCall) -> bool:
    return held.status is CallStatus.HELD and held.prepared_request_id == asked.prepared_request_id


def _released(held: ReplayPendingCall) -> SweptCall:
    """Block the allowed sibling of an ask that was not answered."""
    return SweptCall(
        call_id=held.call_id,
        was=held.status,
        was_execution=held.execution_state,
        status=CallStatus.BLOCKED,
        execution_state=held.execution_state,
        commit_state=held.commit_state,
        blocked_why=BlockedWhy.RESPONSE_REFUSED,
    )


def _once(swept: Sequence[SweptCall]) -> list[SweptCall]:
    """Return each call once: two asks of one response may both have held the same sibling."""
    return list({call.call_id: call for call in swept}.values())
