"""What becomes of a model's response: every call decided, the rows, the answer and the events."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.value import Value
from placet.policy.decision import Allow, Ask, Deny
from placet.policy.facts import Call, Facts
from placet.policy.holding import Holding
from placet.policy.loaded import Policy
from placet.policy.model import Cancel, CommitRequirement, Gate
from placet.policy.response import CallVerdict
from placet.replay.calls.events import AskOpened, CallProposed, LimitReached, ProposalDecided
from placet.replay.calls.fold import evolve
from placet.replay.calls.leaving import advance, leave, opens, stop_of
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitNeed,
    CommitState,
    ReasonView,
    Stop,
    Verdict,
)
from placet.replay.calls.next_call import NOTHING_LEFT, Left
from placet.replay.calls.tool_calls import (
    CallRow,
    DecidedProposal,
    KeptAnswer,
    KeptOutcome,
    Proposed,
    ToolCall,
)
from placet.replay.sessions.model import SessionMode, SessionStopped
from placet.replay.sessions.state import SessionState
from placet.replay.standing.model import StandingFact
from placet.replay.standing.rules import evaluate_standing

GRANT_SLACK_MS: Final = 30_000
"""How much longer than the tool's own time-out a grant lives."""


def decide_proposal(  # noqa: PLR0913, PLR0917 -- rules, facts of two kinds, and a response
    policy: Policy,
    state: SessionState,
    facts: Facts,
    mode: SessionMode,
    proposed: Proposed,
    standing: Sequence[StandingFact] = (),
) -> DecidedProposal:
    """Return what becomes of every call of a response, and everything that is to be written.

    `standing` are the standing grants in force for the session.
    """
    calls = [
        Call(tool=call.name, arguments=call.arguments.encode(), call_id=call_id)
        for call_id, call in proposed.calls
    ]
    decision, answered = evaluate_standing(policy, facts, calls, standing)
    asks = _ask_seconds(policy, decision.calls)
    rows = [
        _row(ordinal, call_id, call, verdict, mode, asks)
        for ordinal, ((call_id, call), verdict) in enumerate(
            zip(proposed.calls, decision.calls, strict=True)
        )
    ]
    rows = [_standing(row, answered, standing) for row in rows] if standing else rows
    counting = _Counting(policy, proposed, rows)
    after = counting.decided(state)
    for row, verdict in zip(rows, decision.calls, strict=True):
        after = counting.call(after, row, verdict)
    after = counting.stopped(after, mode)
    ends = after.phase != state.phase and after.phase in policy.terminal_phases
    return DecidedProposal(
        rows=rows,
        answer=KeptAnswer(phase=after.phase, calls=_outcomes(policy, rows), stop=counting.stop),
        said=counting.said,
        state=after,
        closes=ends and mode is SessionMode.ENFORCE and counting.stop is None,
        granted=sum(row.status is CallStatus.GRANTED for row in rows),
        holds_from=decision.holds_from,
        holds_until=decision.holds_until,
        holdings=counting.holdings,
        verdicts=decision.calls,
        left=counting.left,
        stop=counting.stop,
    )


class _Counting:
    """What a response leads to, call by call: events, what calls hold, and what they leave."""

    def __init__(self, policy: Policy, proposed: Proposed, rows: Sequence[CallRow]) -> None:
        self._policy = policy
        self._proposed = proposed
        self._rows = rows
        self.said: list[Value] = []
        self.holdings: dict[UUID, Holding] = {}
        self.left = NOTHING_LEFT
        self.stop: Stop | None = None

    def decided(self, state: SessionState) -> SessionState:
        """Say that the response was decided."""
        said = ProposalDecided(
            prepared_request_id=self._proposed.prepared_request_id,
            request_hash=self._proposed.request_hash,
            proposal_hash=self._proposed.proposal_hash.hex(),
            calls=len(self._rows),
            granted=sum(row.status is CallStatus.GRANTED for row in self._rows),
            counting=sum(row.counts for row in self._rows),
            denied=sum(row.verdict is Verdict.DENY for row in self._rows),
        )
        self.said.append(said)
        return evolve(state, said)

    def call(self, state: SessionState, row: CallRow, verdict: CallVerdict) -> SessionState:
        """Say what was decided of a call, and keep what it holds and leaves."""
        phase, leaves = state.phase, None
        holding = verdict.holding if row.counts else None
        if holding is not None:
            self.holdings[row.call_id] = holding
            left = Left(opens=opens(row.call_id, holding))
            if holding.is_committed:
                phase, _ = advance(phase, holding)
                leaves, kept = leave(self._policy, state, row.call_id, holding)
                left = left.plus(kept)
            self.left = self.left.plus(left) if left.opens or left.kept else self.left
        said = _event(row, self._proposed.prepared_request_id, phase)
        if holding is not None:
            said = msgspec.structs.replace(
                said,
                counts=True,
                left=leaves,
                repeat=None if holding.repeat is None else holding.repeat.hex(),
                repeats_max=self._policy.limits.loop_window,
            )
        self.said.append(said)
        if row.status is CallStatus.AWAITING_APPROVAL:
            self.said.append(_opened(row))
        return evolve(state, said)

    def stopped(self, state: SessionState, mode: SessionMode) -> SessionState:
        """Say that the response stops the session, where it is one denial too many."""
        limit = stop_of(self._policy, state)
        denied = [row.call_id for row in self._rows if row.verdict is Verdict.DENY]
        if limit is None or state.stopped is not None or not denied:
            return state
        if mode is SessionMode.SHADOW:
            reached = LimitReached(limit=limit, call_id=denied[0])
            self.said.append(reached)
            return evolve(state, reached)
        self.stop = Stop(limit=limit, call_id=denied[0])
        self.said.append(SessionStopped(reason=limit, limit=limit, call_id=denied[0]))
        return state


def _ask_seconds(policy: Policy, verdicts: Sequence[CallVerdict]) -> int | None:
    """Return how long a response waits as a whole, where it is granted only as a whole."""
    seconds = [one.ask_expires_seconds for one in verdicts if one.ask_expires_seconds is not None]
    return min(seconds) if seconds and policy.gate is Gate.REJECT_ALL else None


def _row(  # noqa: PLR0913, PLR0917 -- a call, its place, what was decided of it and of all
    ordinal: int,
    call_id: UUID,
    call: ToolCall,
    verdict: CallVerdict,
    mode: SessionMode,
    ask_seconds: int | None,
) -> CallRow:
    status = _status(verdict, mode)
    asks = verdict.ask_expires_seconds if ask_seconds is None else ask_seconds
    is_granted = status is CallStatus.GRANTED
    commits = verdict.commit_requirement is not CommitRequirement.NONE
    text, text_hash = _arguments(call.arguments, verdict)
    return CallRow(
        call_id=call_id,
        ordinal=ordinal,
        tool_call_id=call.id,
        tool_name=call.name,
        arguments_hash=_hex(text_hash),
        arguments=_hex(text),
        verdict=_verdict(verdict),
        layer=verdict.decision.layer,
        reasons=[
            ReasonView(
                code=reason.code.value, rule=reason.rule, detail=_told(reason.detail, reason.needs)
            )
            for reason in verdict.reasons
        ],
        blocked_why=None if verdict.blocked_why is None else BlockedWhy(verdict.blocked_why.value),
        effect_key=None if verdict.effect_key is None else _hex(verdict.effect_key),
        commit_requirement=CommitNeed(verdict.commit_requirement.value),
        start_required=verdict.start_required,
        commit_state=CommitState.AWAITING_EVIDENCE
        if is_granted and commits
        else CommitState.NOT_REQUIRED,
        status=status,
        ask_seconds=asks if status is CallStatus.AWAITING_APPROVAL else None,
        grant_ms=verdict.total_ms + GRANT_SLACK_MS,
        counts=verdict.granted,
    )


def _standing(
    row: CallRow, answered: Mapping[UUID, UUID], standing: Sequence[StandingFact]
) -> CallRow:
    """Return a row with the standing grant that answered its ask, and those that were seen."""
    by = answered.get(row.call_id)
    if by is not None:
        # What the rules say of it stays an ask: it was answered.
        return msgspec.structs.replace(row, verdict=Verdict.ASK, layer=11, standing_id=by)
    if row.status is not CallStatus.AWAITING_APPROVAL:
        return row
    seen = [one.standing_id for one in standing if one.tool == row.tool_name]
    return msgspec.structs.replace(row, standing_seen=seen)


def _status(verdict: CallVerdict, mode: SessionMode) -> CallStatus:
    if mode is SessionMode.SHADOW:
        return CallStatus.SHADOWED
    if verdict.granted:
        return CallStatus.GRANTED
    if verdict.blocked_why is not None:
        return CallStatus.BLOCKED
    return CallStatus.HELD if verdict.held else CallStatus.AWAITING_APPROVAL


def _verdict(verdict: CallVerdict) -> Verdict:
    match verdict.decision:
        case Allow():
            return Verdict.ALLOW
        case Ask():
            return Verdict.ASK
        case Deny():
            return Verdict.DENY


def _arguments(text: str, verdict: CallVerdict) -> tuple[bytes, bytes]:
    """Return the arguments to keep and their hash; malformed ones are kept as they came."""
    raw = text.encode()
    if verdict.arguments_hash is None:
        return raw, digest("malformed_arguments", raw)
    return foreign.encode(foreign.parse(raw)), verdict.arguments_hash


def _event(row: CallRow, prepared: UUID, phase: str | None) -> CallProposed:
    return CallProposed(
        call_id=row.call_id,
        prepared_request_id=prepared,
        ordinal=row.ordinal,
        tool_call_id=row.tool_call_id,
        tool=row.tool_name,
        arguments_hash=row.arguments_hash[2:],
        verdict=row.verdict,
        status=row.status,
        layer=row.layer,
        reasons=row.reasons,
        blocked_why=row.blocked_why,
        effect_key=None if row.effect_key is None else row.effect_key[2:],
        start_required=row.start_required,
        phase_after=phase,
        standing=row.standing_id,
    )


def _opened(row: CallRow) -> AskOpened:
    return AskOpened(call_id=row.call_id, tool=row.tool_name, expires_seconds=row.ask_seconds)


def _outcomes(policy: Policy, rows: Sequence[CallRow]) -> list[KeptOutcome]:
    outcomes: list[KeptOutcome] = []
    for row in rows:
        tool = policy.tools.get(row.tool_name)
        schema = None if tool is None or tool.schema_hash is None else tool.schema_hash.hex()
        outcomes.append(
            KeptOutcome(
                call_id=row.call_id,
                tool_call_id=row.tool_call_id,
                tool=row.tool_name,
                server=None if tool is None else tool.server,
                tool_schema_hash=schema,
                arguments_hash=row.arguments_hash[2:],
                verdict=row.verdict,
                status=row.status,
                layer=row.layer,
                reasons=row.reasons,
                blocked_why=row.blocked_why,
                start_required=row.start_required,
                grant_ms=row.grant_ms,
                ask_seconds=row.ask_seconds,
                cancel_safe=tool is not None and tool.cancel is Cancel.SAFE,
            )
        )
    return outcomes


def _told(detail: str, needs: str) -> str:
    return f"{detail}; {needs}" if needs else detail


def _hex(data: bytes) -> str:
    return "\\x" + data.hex()
