"""What becomes of a model's response: every call decided, the rows, the answer and the events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.ids import Ids
from placet.kernel.refusals import MalformedBody
from placet.kernel.value import Input, Value
from placet.policy.decision import Allow, Ask, Deny
from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call, Facts
from placet.policy.holding import Holding
from placet.policy.loaded import Policy
from placet.policy.model import CommitRequirement, Gate
from placet.policy.response import CallVerdict
from placet.replay.calls.events import CallProposed, LimitReached, ProposalDecided
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
from placet.replay.sessions.model import SessionMode, SessionStopped
from placet.replay.sessions.state import SessionState

GRANT_SLACK_MS: Final = 30_000
"""How much longer than the tool's own time-out a grant lives."""

CALLS_MAX: Final = 128

ToolName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class ToolCall(Input, frozen=True):
    """One tool call of a chat completion, as the model wrote it."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    name: ToolName
    arguments: str


class ProposeCalls(Input, frozen=True):
    """A model's response to a prepared request: its tool calls, in order; none is a text answer."""

    prepared_request_id: UUID
    request_hash: HexDigest
    tool_calls: Annotated[list[ToolCall], msgspec.Meta(max_length=CALLS_MAX)]


class CallRow(Value, frozen=True):
    """A call as `propose_v1` takes it. Bytes are hex text as Postgres reads it."""

    call_id: UUID
    ordinal: int
    tool_call_id: str
    tool_name: str
    arguments_hash: str
    arguments: str
    verdict: Verdict
    layer: int | None
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    effect_key: str | None
    commit_requirement: CommitNeed
    start_required: bool
    commit_state: CommitState
    status: CallStatus
    ask_seconds: int | None
    grant_ms: int
    counts: bool


class KeptOutcome(Value, frozen=True):
    """What is kept of a decided call, so that the first answer can be given again."""

    call_id: UUID
    tool_call_id: str
    tool: str
    server: str | None
    tool_schema_hash: str | None
    arguments_hash: str
    verdict: Verdict
    status: CallStatus
    layer: int | None
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    start_required: bool
    grant_ms: int
    ask_seconds: int | None


class KeptAnswer(Value, frozen=True):
    """The first answer to a proposal, without its grants."""

    phase: str | None
    calls: list[KeptOutcome]
    stop: Stop | None = None


class DecidedProposal(Value, frozen=True):
    """A proposal, decided on one version of the facts, good between `holds_from` and `_until`.

    `holdings` are what the calls hold that count from here on, by the call's id.
    """

    rows: list[CallRow]
    answer: KeptAnswer
    said: list[Value]
    state: SessionState
    closes: bool
    granted: int
    holds_from: datetime | None
    holds_until: datetime | None
    holdings: dict[UUID, Holding] = msgspec.field(default_factory=dict)
    left: Left = NOTHING_LEFT
    stop: Stop | None = None


class Proposed(Value, frozen=True):
    """What was proposed: the request it answers, its own hash, and the calls with their new ids."""

    prepared_request_id: UUID
    request_hash: str
    proposal_hash: bytes
    calls: list[tuple[UUID, ToolCall]]


def read_proposal(asked: ProposeCalls, raw: bytes, ids: Ids) -> Proposed:
    """Return the proposal with an id for each call; its hash is over the body as it came.

    Refuses `malformed_body` where two calls of a response go by one id: nobody could tell which
    of them an answer is about.
    """
    seen: set[str] = set()
    for place, call in enumerate(asked.tool_calls):
        if call.id in seen:
            where = {"pointer": f"/tool_calls/{place}/id", "detail": "another call has this id"}
            raise MalformedBody(detail="two tool calls have the same id", errors=[where])
        seen.add(call.id)
    return Proposed(
        prepared_request_id=asked.prepared_request_id,
        request_hash=asked.request_hash,
        proposal_hash=digest("proposal", foreign.encode(foreign.parse(raw))),
        calls=[(ids.new(), call) for call in asked.tool_calls],
    )


def decide_proposal(
    policy: Policy, state: SessionState, facts: Facts, mode: SessionMode, proposed: Proposed
) -> DecidedProposal:
    """Return what becomes of every call of a response, and everything that is to be written."""
    decision = evaluate_response(
        policy,
        facts,
        [
            Call(tool=call.name, arguments=call.arguments.encode(), call_id=call_id)
            for call_id, call in proposed.calls
        ],
    )
    asks = _ask_seconds(policy, decision.calls)
    rows = [
        _row(ordinal, call_id, call, verdict, mode, asks)
        for ordinal, ((call_id, call), verdict) in enumerate(
            zip(proposed.calls, decision.calls, strict=True)
        )
    ]
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
    )


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
            )
        )
    return outcomes


def _told(detail: str, needs: str) -> str:
    return f"{detail}; {needs}" if needs else detail


def _hex(data: bytes) -> str:
    return "\\x" + data.hex()
