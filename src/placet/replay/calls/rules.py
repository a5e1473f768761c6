"""What becomes of a call when word of it comes: pure functions of state, contract and evidence."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from placet.kernel import foreign
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.policy import remember
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import CommitRequirement, EvidenceClass, SideEffect
from placet.replay.calls.events import CallBecameUnknown, CallSettled
from placet.replay.calls.fold import evolve
from placet.replay.calls.model import (
    CallStatus,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    ReceiptStatus,
)
from placet.replay.calls.next_call import NextCall
from placet.replay.sessions.model import CommittedMemory, SessionState, SessionStatus
from placet.replay.sessions.rules import encode_state

_ORDER: Final = {level: place for place, level in enumerate(EvidenceLevel)}
_GRAVE: Final = frozenset({SideEffect.DESTRUCTIVE, SideEffect.ADMIN, SideEffect.FINANCIAL})


class Word(Value, frozen=True):
    """What somebody says became of a call, and how good that word is.

    `arguments` is the JSON text that was granted, `output` that of what came back, if any.
    """

    call_id: UUID
    tool: str
    arguments: bytes
    status: ReceiptStatus
    level: EvidenceLevel
    output: bytes | None
    receipt_id: UUID | None = None
    settlement_id: UUID | None = None
    reason: str | None = None


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
    if word.status is ReceiptStatus.SUCCEEDED:
        need = success_need(tool, environment)
    elif word.status is ReceiptStatus.FAILED:
        need = failure_need(tool, environment)
    else:
        return False
    return _ORDER[word.level] >= _ORDER[need]


def decide_word(
    policy: Policy, state: SessionState, environment: Environment, word: Word
) -> NextCall:
    """Return what becomes of a granted call on this word.

    Enough evidence settles it. A reported time-out or an unknown outcome makes it unknown. Too
    little evidence is kept, and the call goes on waiting for more.
    """
    tool = policy.tools.get(word.tool)
    if word.status in {ReceiptStatus.TIMED_OUT, ReceiptStatus.UNKNOWN}:
        return _unknown(state, tool, word)
    if not is_enough(word, tool, environment):
        execution = ExecutionState(word.status.value)
        return NextCall(
            status=CallStatus.GRANTED,
            execution_state=execution,
            commit_state=_open_commit_state(tool),
            frees_effect_key=False,
            session_status=None,
            phase=state.phase,
            state=encode_state(state),
            said=None,
        )
    return settle(policy, state, word)


def settle(policy: Policy, state: SessionState, word: Word) -> NextCall:
    """Return the settled call: committed, not needing it, or refused, with what follows."""
    tool = policy.tools.get(word.tool)
    needs_commit = tool is None or tool.commit_requirement is not CommitRequirement.NONE
    if word.status is ReceiptStatus.FAILED:
        commit = CommitState.REFUSED if needs_commit else CommitState.NOT_REQUIRED
        phase, conflict, memory = state.phase, False, None
    else:
        commit = CommitState.COMMITTED if needs_commit else CommitState.NOT_REQUIRED
        phase, conflict = _advance(policy, state, tool if needs_commit else None)
        memory = _memory(policy, word) if needs_commit else None
    said = CallSettled(
        call_id=word.call_id,
        tool=word.tool,
        outcome=word.status,
        commit_state=commit,
        evidence_level=word.level,
        receipt_id=word.receipt_id,
        settlement_id=word.settlement_id,
        reason=word.reason,
        phase_after=phase,
        phase_conflict=conflict,
        remembered=memory,
    )
    ends = phase in policy.terminal_phases and phase != state.phase
    return NextCall(
        status=CallStatus.SETTLED,
        execution_state=ExecutionState(word.status.value),
        commit_state=commit,
        frees_effect_key=word.status is ReceiptStatus.FAILED,
        session_status=SessionStatus.CLOSING if ends else None,
        phase=phase,
        state=encode_state(evolve(state, said)),
        said=said,
    )


def _unknown(state: SessionState, tool: LoadedTool | None, word: Word) -> NextCall:
    return NextCall(
        status=CallStatus.UNKNOWN,
        execution_state=ExecutionState.UNKNOWN,
        commit_state=_open_commit_state(tool),
        frees_effect_key=False,
        session_status=None,
        phase=state.phase,
        state=encode_state(state),
        said=CallBecameUnknown(
            call_id=word.call_id, tool=word.tool, why=f"reported as {word.status.value}"
        ),
    )


def _open_commit_state(tool: LoadedTool | None) -> CommitState:
    if tool is not None and tool.commit_requirement is CommitRequirement.NONE:
        return CommitState.NOT_REQUIRED
    return CommitState.AWAITING_EVIDENCE


def _advance(
    policy: Policy, state: SessionState, tool: LoadedTool | None
) -> tuple[str | None, bool]:
    """Return the phase after a commit, and whether the commit found a phase it cannot leave."""
    if tool is None or tool.advances_to is None or tool.advances_to == state.phase:
        return state.phase, False
    if state.phase is not None and tool.advances_to in policy.transitions.get(
        state.phase, frozenset()
    ):
        return tool.advances_to, False
    return state.phase, True


def _memory(policy: Policy, word: Word) -> CommittedMemory | None:
    if not remember.is_remembered(policy, word.tool):
        return None
    found = remember.project(policy, word.tool, word.arguments, word.output)
    return CommittedMemory(
        call_id=word.call_id,
        arguments=_texts(found.arguments),
        output=None if found.output is None else _texts(found.output),
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
