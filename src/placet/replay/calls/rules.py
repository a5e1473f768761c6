"""What becomes of a call when word of it comes: pure functions of state, contract and evidence."""

from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.policy import remember
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import CommitRequirement, EvidenceClass, SideEffect
from placet.policy.wider import is_wider
from placet.replay.calls.events import (
    CallAbandoned,
    CallBecameUnknown,
    CallCosted,
    CallSettled,
    FailureReported,
    LimitReached,
)
from placet.replay.calls.fold import evolve
from placet.replay.calls.leaving import advance, leave, stop_of
from placet.replay.calls.model import (
    CallStatus,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    ReceiptStatus,
    Stop,
)
from placet.replay.calls.next_call import (
    NOTHING_LEFT,
    CostOf,
    CountedCall,
    Left,
    NextCall,
)
from placet.replay.sessions.model import SessionStatus, SessionStopped
from placet.replay.sessions.state import CommittedMemory, SessionState

_ORDER: Final = {level: place for place, level in enumerate(EvidenceLevel)}
_ERRORS: Final = frozenset({ReceiptStatus.FAILED, ReceiptStatus.TIMED_OUT})
_GRAVE: Final = frozenset({SideEffect.DESTRUCTIVE, SideEffect.ADMIN, SideEffect.FINANCIAL})


class Word(Value, frozen=True):
    """What somebody says became of a call, and how good that word is.

    `output` is the JSON text of what came back, if any; `cost_micros` what the call cost, if told;
    `never_begun` that the tool's host signed that the call was not let in, which `frees` the call
    where its grant can be used nowhere else.
    """

    call: CountedCall
    status: ReceiptStatus
    level: EvidenceLevel
    output: bytes | None
    receipt_id: UUID | None = None
    settlement_id: UUID | None = None
    reason: str | None = None
    cost_micros: int | None = None
    reconciled_by: UUID | None = None
    never_begun: bool = False
    frees: bool = True

    @property
    def is_early(self) -> bool:
        """Tell whether one host did not begin the call, and another one still may."""
        return self.never_begun and not self.frees


def success_need(tool: LoadedTool | None, environment: Environment) -> EvidenceLevel:
    """Return the evidence that a success needs before it settles the call."""
    if tool is None:
        return EvidenceLevel.CLIENT_REPORTED
    if tool.commit_requirement is CommitRequirement.NONE:
        return EvidenceLevel.NONE
    match tool.evidence_class:
        case EvidenceClass.UNVERIFIABLE:
            return EvidenceLevel.EXTERNALLY_VERIFIED
        case EvidenceClass.LOCAL_TRANSACTION if environment is Environment.PRODUCTION:
            return EvidenceLevel.EXECUTOR_ATTESTED
        case _:
            return EvidenceLevel.CLIENT_REPORTED


def failure_need(tool: LoadedTool | None, environment: Environment) -> EvidenceLevel:
    """Return the evidence that a failure needs: a mere claim frees nothing grave in production."""
    grave = tool is not None and tool.side_effect in _GRAVE
    if grave and environment is Environment.PRODUCTION:
        return EvidenceLevel.EXECUTOR_ATTESTED
    return EvidenceLevel.CLIENT_REPORTED


def is_enough(word: Word, tool: LoadedTool | None, environment: Environment) -> bool:
    """Tell whether this word settles its call."""
    return suffices(word.status, word.level, tool, environment)


def suffices(
    status: ReceiptStatus,
    level: EvidenceLevel,
    tool: LoadedTool | None,
    environment: Environment,
) -> bool:
    """Tell whether what is said so well settles a call of this tool."""
    if status is ReceiptStatus.SUCCEEDED:
        need = success_need(tool, environment)
    elif status is ReceiptStatus.FAILED:
        need = failure_need(tool, environment)
    else:
        return False
    return _ORDER[level] >= _ORDER[need]


def decide_word(
    policy: Policy, state: SessionState, environment: Environment, word: Word
) -> NextCall | None:
    """Return what becomes of a call that counts on this word, or None where it changes nothing.

    Enough evidence settles it. A reported time-out or an unknown outcome makes it unknown. Too
    little evidence is kept, and the call goes on waiting for more; a failure is an error all the
    same, once for each call. That one host did not begin it is kept too while another one may. Of
    a call of which nobody knows what became, the signed word of its tool's host tells; of any
    other, only the cost can be told.
    """
    call = word.call
    tool = policy.tools.get(call.tool)
    is_over = call.is_settled or call.is_unknown
    is_open = call.status in {CallStatus.GRANTED, CallStatus.SHADOWED} and not is_over
    if not is_open:
        following = _told_after(policy, state, environment, word)
    elif word.status in {ReceiptStatus.TIMED_OUT, ReceiptStatus.UNKNOWN}:
        following = _unknown(state, tool, word)
    elif word.is_early:
        following = _waiting(state, tool, word)
    elif is_enough(word, tool, environment):
        never = word.never_begun and not call.is_begun and call.status is CallStatus.GRANTED
        following = (_never_begun if never else settled)(policy, state, word)
    else:
        following = _erring(_waiting(state, tool, word), word)
    if following is None:
        return None
    return _stopping(policy, _costing(following, word), call)


def _told_after(
    policy: Policy, state: SessionState, environment: Environment, word: Word
) -> NextCall | None:
    """Return what a word changes that comes when it is known, or when nobody knows, what became."""
    call = word.call
    is_final = word.status in {ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED}
    is_signed = is_final and _ORDER[word.level] >= _ORDER[EvidenceLevel.EXECUTOR_ATTESTED]
    tells = is_signed and call.is_unknown and call.status is CallStatus.UNKNOWN
    if tells and not word.is_early and is_enough(word, policy.tools.get(call.tool), environment):
        return settled(policy, state, word)
    kept = _erring(_kept_as_it_is(state, call), word)
    return kept if tells or kept.said or word.cost_micros is not None else None


def _erring(following: NextCall, word: Word) -> NextCall:
    """Return it with the error that this word is, unless the call is settled or one already."""
    call, state = word.call, following.after
    if word.status not in _ERRORS or call.is_settled or str(call.call_id) in state.erred:
        return following
    said = FailureReported(call_id=call.call_id, tool=call.tool)
    return msgspec.structs.replace(following, said=(said,), after=evolve(state, said))


def settle(policy: Policy, state: SessionState, word: Word) -> NextCall:
    """Return the settled call, with all that follows for its session.

    The word is one that was kept before, so what it says of the cost corrects nothing told since.
    """
    following = settled(policy, state, word)
    if word.call.cost_micros is None:
        following = _costing(following, word)
    return _stopping(policy, following, word.call)


def settled(policy: Policy, state: SessionState, word: Word) -> NextCall:
    """Return the settled call: committed, not needing it, or refused, with what it leaves."""
    call = word.call
    tool = policy.tools.get(call.tool)
    needs_commit = tool is None or tool.commit_requirement is not CommitRequirement.NONE
    holding = call.held(policy)
    has_failed = word.status is ReceiptStatus.FAILED
    commit, phase, conflict = CommitState.NOT_REQUIRED, state.phase, False
    memory, leaves, left = None, None, NOTHING_LEFT
    if has_failed:
        commit = CommitState.REFUSED if needs_commit else commit
        if holding.amounts:
            left = Left(releases=[call.call_id], is_wide=is_wider(tool))
    elif needs_commit:
        commit = CommitState.COMMITTED
        phase, conflict = advance(state.phase, holding)
        memory = _memory(policy, word)
        leaves, left = leave(
            policy, state, call.call_id, holding, output=word.output, memory=memory
        )
        if holding.amounts:
            left = left.plus(Left(commits=[call.call_id], is_wide=is_wider(tool)))
    said = CallSettled(
        call_id=call.call_id,
        tool=call.tool,
        outcome=word.status,
        commit_state=commit,
        evidence_level=word.level,
        receipt_id=word.receipt_id,
        settlement_id=word.settlement_id,
        reason=word.reason,
        phase_after=phase,
        phase_conflict=conflict,
        remembered=memory,
        left=leaves,
        step_ends=has_failed and not call.others,
        reconciled_by=word.reconciled_by,
    )
    records = call.status is CallStatus.SHADOWED
    ends = phase in policy.terminal_phases and phase != state.phase and not records
    return NextCall(
        status=CallStatus.SHADOWED if records else CallStatus.SETTLED,
        execution_state=ExecutionState(word.status.value),
        commit_state=commit,
        frees_effect_key=has_failed,
        session_status=SessionStatus.CLOSING if ends else None,
        after=evolve(state, said),
        said=(said,),
        settles=True,
        left=left,
    )


def _never_begun(policy: Policy, state: SessionState, word: Word) -> NextCall:
    """Return the call that its tool's host did not let in and never will: it holds nothing more."""
    call = word.call
    needs_commit = _open_commit_state(policy.tools.get(call.tool)) is CommitState.AWAITING_EVIDENCE
    said = CallAbandoned(
        call_id=call.call_id,
        tool=call.tool,
        step_ends=not call.others,
        receipt_id=word.receipt_id,
    )
    return NextCall(
        status=CallStatus.ABANDONED,
        execution_state=ExecutionState.NOT_STARTED,
        commit_state=CommitState.REFUSED if needs_commit else CommitState.NOT_REQUIRED,
        frees_effect_key=True,
        session_status=None,
        after=evolve(state, said),
        said=(said,),
        settles=True,
        left=Left(releases=[call.call_id], is_wide=is_wider(policy.tools.get(call.tool)))
        if call.held(policy).amounts
        else NOTHING_LEFT,
    )


def _stopping(policy: Policy, following: NextCall, call: CountedCall) -> NextCall:
    """Return it with the stop of the session, where a limit is reached by this call."""
    limit = stop_of(policy, following.after)
    if limit is None or following.after.stopped is not None:
        return following
    stop = Stop(limit=limit, call_id=call.call_id)
    if call.status is CallStatus.SHADOWED:
        said: Value = LimitReached(limit=limit, call_id=call.call_id)
        after = evolve(following.after, said)
        return msgspec.structs.replace(following, said=(*following.said, said), after=after)
    said = SessionStopped(reason=limit, limit=limit, call_id=call.call_id)
    return msgspec.structs.replace(following, said=(*following.said, said), stop=stop)


def _costing(following: NextCall, word: Word) -> NextCall:
    call, micros = word.call, word.cost_micros
    if micros is None or micros == call.cost_micros:
        return following
    said = CallCosted(call_id=call.call_id, tool=call.tool, micros=micros, before=call.cost_micros)
    return msgspec.structs.replace(
        following,
        said=(*following.said, said),
        after=evolve(following.after, said),
        left=following.left.plus(Left(costs=[CostOf(call_id=call.call_id, micros=micros)])),
    )


def _kept_as_it_is(state: SessionState, call: CountedCall) -> NextCall:
    return NextCall(
        status=None,
        execution_state=ExecutionState.UNKNOWN,
        commit_state=CommitState.AWAITING_EVIDENCE,
        frees_effect_key=False,
        session_status=None,
        after=state,
        said=(),
        settles=call.is_settled,
    )


def _waiting(state: SessionState, tool: LoadedTool | None, word: Word) -> NextCall:
    return NextCall(
        status=word.call.status,
        execution_state=ExecutionState(word.status.value),
        commit_state=_open_commit_state(tool),
        frees_effect_key=False,
        session_status=None,
        after=state,
        said=(),
    )


def _unknown(state: SessionState, tool: LoadedTool | None, word: Word) -> NextCall:
    call = word.call
    said = CallBecameUnknown(
        call_id=call.call_id,
        tool=call.tool,
        why=f"reported as {word.status.value}",
        is_error=word.status is ReceiptStatus.TIMED_OUT,
    )
    records = call.status is CallStatus.SHADOWED
    return NextCall(
        status=CallStatus.SHADOWED if records else CallStatus.UNKNOWN,
        execution_state=ExecutionState.UNKNOWN,
        commit_state=_open_commit_state(tool),
        frees_effect_key=False,
        session_status=None,
        after=evolve(state, said),
        said=(said,),
    )


def _open_commit_state(tool: LoadedTool | None) -> CommitState:
    if tool is not None and tool.commit_requirement is CommitRequirement.NONE:
        return CommitState.NOT_REQUIRED
    return CommitState.AWAITING_EVIDENCE


def _memory(policy: Policy, word: Word) -> CommittedMemory | None:
    """Return what later rules may ask of this call, or None where no rule ever asks."""
    call = word.call
    if not remember.is_remembered(policy, call.tool):
        return None
    kept = remember.project(policy, call.tool, call.arguments, word.output)
    return CommittedMemory(
        call_id=call.call_id,
        arguments=_texts(kept.arguments),
        output=None if kept.output is None else _texts(kept.output),
    )


def _texts(values: dict[str, object]) -> dict[str, str]:
    return {path: foreign.encode(value).decode() for path, value in values.items()}  # type: ignore[arg-type]  # -- what a policy selects from JSON is JSON


class Overdue(StrEnum):
    """What becomes of a call whose time is up."""

    ABANDONED = "abandoned"
    UNKNOWN = "unknown"
    EXPIRED = "expired"


def decide_overdue(
    status: CallStatus, execution: ExecutionState, *, start_required: bool, is_reported: bool
) -> Overdue:
    """Return what an overdue call becomes that no evidence settles.

    An ask without an answer is a denial. A grant that had to be redeemed and never was cannot have
    begun, unless somebody reported on it all the same, in whatever words. Everything else may have
    happened, so it is unknown.
    """
    if status is CallStatus.AWAITING_APPROVAL:
        return Overdue.EXPIRED
    never_began = start_required and execution is ExecutionState.NOT_STARTED
    if never_began and not is_reported:
        return Overdue.ABANDONED
    return Overdue.UNKNOWN
