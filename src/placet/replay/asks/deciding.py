"""What becomes of a step's waiting calls when its holder claims one: pure functions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace

from placet.kernel.value import Value
from placet.policy.facts import Facts
from placet.policy.holding import Holding
from placet.policy.loaded import Policy
from placet.policy.model import Gate
from placet.policy.response import CallVerdict
from placet.replay.calls.events import CallClaimed, CallProposed, CallsClaimed
from placet.replay.calls.fold import evolve
from placet.replay.calls.model import BlockedWhy, CallStatus, CommitState
from placet.replay.calls.next_call import NOTHING_LEFT, Left
from placet.replay.calls.proposal import decide_proposal
from placet.replay.calls.tool_calls import CallRow, DecidedProposal, KeptAnswer, Proposed, ToolCall
from placet.replay.sessions.model import SessionMode
from placet.replay.sessions.state import SessionState

WAITS: Final = frozenset({CallStatus.AWAITING_APPROVAL, CallStatus.HELD})


class ToldCall(Value, frozen=True):
    """A call of the step, as `claim_v1` tells it."""

    call_id: UUID
    ordinal: int
    tool_call_id: str
    tool: str
    arguments: str
    status: CallStatus
    counts: bool


class ToldStep(Value, frozen=True):
    """A step and the yeses in it, as `claim_v1` tells them, at one version of its session."""

    state_version: int
    prepared_request_id: UUID
    approved: list[UUID]
    step: list[ToldCall]


class ClaimedRow(Value, frozen=True):
    """A call that a claim moves, as `claim_v1` takes it. Bytes are hex text."""

    call_id: UUID
    tool_name: str
    status: CallStatus
    blocked_why: BlockedWhy | None
    commit_state: CommitState
    effect_key: str | None
    grant_ms: int


class DecidedClaim(Value, frozen=True):
    """A claim, decided on one version of the facts, good between `holds_from` and `_until`.

    Without `rows` nothing would change: another call of the step still waits for people.
    """

    approved: list[UUID]
    rows: list[ClaimedRow]
    answer: KeptAnswer
    said: list[Value]
    state: SessionState
    closes: bool
    granted: int
    left: Left
    holds_from: datetime | None
    holds_until: datetime | None
    holdings: dict[UUID, Holding] = msgspec.field(default_factory=dict)
    verdicts: tuple[CallVerdict, ...] = ()
    texts: dict[UUID, bytes] = msgspec.field(default_factory=dict)


def decide_claim(
    policy: Policy, state: SessionState, facts: Facts, told: ToldStep, claim: tuple[UUID, UUID]
) -> DecidedClaim:
    """Return what becomes of the calls that wait with a claimed one: judged again, as all were.

    `claim` is the claim's id and the call's. Where a response is granted as a whole, everything
    that waits in the step is judged; else the call alone.
    """
    claim_id, call_id = claim
    is_whole = policy.gate is Gate.REJECT_ALL
    judged = [
        one for one in told.step if one.status in WAITS and (is_whole or one.call_id == call_id)
    ]
    is_counted = any(one.counts for one in told.step)
    known = replace(facts, approved=frozenset(told.approved), is_step_counted=is_counted)
    decided = decide_proposal(policy, state, known, SessionMode.ENFORCE, _proposed(told, judged))
    rows = [
        moved
        for row, was in zip(decided.rows, judged, strict=True)
        if (moved := _moved(row, was)) is not None
    ]
    said = _said(decided, told, rows, (claim_id, is_counted))
    after = state
    for each in said:
        after = evolve(after, each)
    now = {row.call_id: row for row in rows}
    outcomes = [
        replace(kept, status=now[kept.call_id].status, blocked_why=now[kept.call_id].blocked_why)
        for kept in decided.answer.calls
        if kept.call_id in now
    ]
    return DecidedClaim(
        approved=told.approved,
        rows=rows,
        answer=KeptAnswer(phase=after.phase, calls=outcomes),
        said=said,
        state=after,
        closes=after.phase != state.phase and after.phase in policy.terminal_phases,
        granted=sum(row.status is CallStatus.GRANTED for row in rows),
        left=decided.left if rows else NOTHING_LEFT,
        holds_from=decided.holds_from,
        holds_until=decided.holds_until,
        holdings=decided.holdings,
        verdicts=decided.verdicts,
        texts={one.call_id: one.arguments.encode() for one in judged},
    )


def has_fallen(policy: Policy, told: ToldStep) -> bool:
    """Tell whether a call of a step that is granted as a whole has ended in another way.

    One that was superseded has not: the call in its place waits.
    """
    over = {
        CallStatus.BLOCKED,
        CallStatus.DENIED,
        CallStatus.EXPIRED,
        CallStatus.CANCELLED,
    }
    return policy.gate is Gate.REJECT_ALL and any(one.status in over for one in told.step)


def _proposed(told: ToldStep, judged: Sequence[ToldCall]) -> Proposed:
    return Proposed(
        prepared_request_id=told.prepared_request_id,
        request_hash="",
        proposal_hash=b"",
        calls=[
            (one.call_id, ToolCall(id=one.tool_call_id, name=one.tool, arguments=one.arguments))
            for one in judged
        ],
    )


def _moved(row: CallRow, was: ToldCall) -> ClaimedRow | None:
    """Return where a call goes, or None where it waits on. An ask that is refused is denied."""
    status, why = row.status, row.blocked_why
    if status in WAITS:
        return None
    if status is CallStatus.BLOCKED and was.status is CallStatus.AWAITING_APPROVAL:
        status, why = CallStatus.DENIED, None
    return ClaimedRow(
        call_id=row.call_id,
        tool_name=row.tool_name,
        status=status,
        blocked_why=why,
        commit_state=row.commit_state,
        effect_key=row.effect_key,
        grant_ms=row.grant_ms,
    )


def _said(
    decided: DecidedProposal,
    told: ToldStep,
    rows: Sequence[ClaimedRow],
    claim: tuple[UUID, bool],
) -> list[Value]:
    claim_id, is_counted = claim
    counting = sum(row.status is CallStatus.GRANTED for row in rows)
    said: list[Value] = [
        CallsClaimed(
            claim_id=claim_id,
            prepared_request_id=told.prepared_request_id,
            calls=len(rows),
            granted=counting,
            counting=counting,
            begins_step=counting > 0 and not is_counted,
        )
    ]
    now = {row.call_id: row for row in rows}
    ordinals = {one.call_id: one.ordinal for one in told.step}
    for event in decided.said:
        if isinstance(event, CallProposed) and event.call_id in now:
            row = now[event.call_id]
            changed = asdict(event) | {
                "ordinal": ordinals[event.call_id],
                "status": row.status,
                "blocked_why": row.blocked_why,
            }
            said.append(CallClaimed(**changed, claim_id=claim_id))
    return said
