"""Settlement: take a call out of `granted` or `unknown`, on evidence or on an operator's word."""

from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.value import Value
from placet.replay.calls import store
from placet.replay.calls.answers import SettleCall, SettlementAnswer
from placet.replay.calls.memory import Known
from placet.replay.calls.model import (
    CallStatus,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    ReceiptStatus,
)
from placet.replay.calls.next_call import CountedCall, NextCall
from placet.replay.calls.report import ToldCall, counted_call, stop_told
from placet.replay.calls.rules import Word, is_enough, settle
from placet.replay.calls.runtime import ATTEMPTS, COLD, Runtime
from placet.replay.calls.writes import Caller, SettlementWrite
from placet.replay.reconciliations.rules import ToldRead, judge_read
from placet.replay.sessions.codes import STALE, refusal
from placet.replay.sessions.refusals import EvidenceTooWeak, OutcomeNotFinal
from placet.storage.database import HotRow


class _ToldReceipt(Value, frozen=True):
    receipt_id: UUID
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    output: str | None
    cost_micros: int | None


class _Told(Value, frozen=True):
    call: ToldCall
    operator: bool
    receipt: _ToldReceipt | None
    read: ToldRead | None


class _Settled(Value, frozen=True):
    """A settlement, decided on one version of the facts; without a `call` nothing is known yet.

    `is_told` is false where a read was judged that says nothing yet.
    """

    version: int
    level: EvidenceLevel
    following: NextCall | None
    outcome: ReceiptStatus | None = None
    is_told: bool = True
    is_operator: bool = False
    known: Known | None = None
    call: CountedCall | None = None


_TOLD: Final = msgspec.json.Decoder(_Told)
_UNDECIDED: Final = _Settled(version=COLD, level=EvidenceLevel.NONE, following=None)


async def settle_call(runtime: Runtime, caller: Caller, asked: SettleCall) -> SettlementAnswer:
    """Settle a call.

    An operator's word is evidence of the highest level. The holder must cite a receipt that says
    the same and is evidence enough; refuses `evidence_too_weak` otherwise. Whoever cites a read
    gets what the contract's rule makes of it, and nothing is written where that is nothing yet.
    """
    _check_asked(asked)
    settled = await _guess(runtime, caller, asked)
    for _ in range(ATTEMPTS):
        write = SettlementWrite(
            settlement_id=asked.settlement_id,
            call_id=asked.call_id,
            outcome=settled.outcome or asked.outcome,
            receipt_id=asked.receipt_id,
            reason=asked.reason,
            reconciled_by=asked.reconciled_by,
            decided_version=settled.version,
            evidence_level=settled.level,
            following=settled.following,
            is_operator=settled.is_operator,
            events=[runtime.event(said) for said in _said(settled)],
        )
        row = await store.settle(runtime.db.hot, caller, write)
        match row["code"]:
            case "redo":
                settled = await _decide(runtime, caller, asked, row["facts"])
                if not settled.is_told:
                    return _answer(asked, row)
            case "ok":
                await _remember(runtime, settled, row)
                return _answer(asked, row)
            case code:
                raise refusal(code, scope="operate")
    raise refusal(STALE)


def _check_asked(asked: SettleCall) -> None:
    """Refuse what says nothing for certain, and what cites two things at once."""
    is_final = asked.outcome in {ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED}
    if not is_final and (asked.outcome is not None or asked.reconciled_by is None):
        raise OutcomeNotFinal(detail="a settlement says `succeeded` or `failed`")
    if asked.reconciled_by is not None and asked.receipt_id is not None:
        raise EvidenceTooWeak(detail="a settlement cites a receipt or a read, and not both")


def _answer(asked: SettleCall, row: HotRow) -> SettlementAnswer:
    is_settled = row["code"] == "ok"
    return SettlementAnswer(
        settlement_id=asked.settlement_id,
        call_id=asked.call_id,
        call_status=CallStatus(row["status"]),
        execution_state=ExecutionState(row["execution_state"]),
        commit_state=CommitState(row["commit_state"]),
        evidence_level=EvidenceLevel(row["evidence_level"]),
        state_version=row["state_version"],
        current_phase=row["current_phase"],
        replayed=row["replayed"],
        stopped=stop_told(row, asked.call_id),
        outcome=ReceiptStatus(row["execution_state"]) if is_settled else None,
    )


async def _guess(runtime: Runtime, caller: Caller, asked: SettleCall) -> _Settled:
    """Return the settlement by an operator's word, where this process knows session and call."""
    known = runtime.find(caller.key, caller.session_id)
    call = None if known is None else known.find_open(asked.call_id)
    is_operator = runtime.memory.is_operator(caller.key.key_id, caller.key.secret_hash)
    cites = asked.receipt_id is not None or asked.reconciled_by is not None
    if known is None or call is None or not is_operator or asked.outcome is None or cites:
        return _UNDECIDED
    level = EvidenceLevel.EXTERNALLY_VERIFIED
    policy = (await runtime.pinned(known)).policy
    following = settle(policy, known.state, _word(asked, asked.outcome, call, level, None))
    return _Settled(
        version=known.state_version,
        level=level,
        following=following,
        is_operator=True,
        known=known,
        call=call,
    )


async def _decide(runtime: Runtime, caller: Caller, asked: SettleCall, facts: str) -> _Settled:
    known = runtime.learn(
        caller.key, caller.session_id, facts, runtime.find(caller.key, caller.session_id)
    )
    told = _TOLD.decode(facts)
    runtime.memory.took_word(caller.key.key_id, caller.key.secret_hash, is_operator=told.operator)
    call = counted_call(told.call)
    known.told(call, counts=told.call.counts)
    policy = (await runtime.pinned(known)).policy
    cited = told.receipt
    tool = policy.tools.get(call.tool)
    level = EvidenceLevel.EXTERNALLY_VERIFIED
    outcome = asked.outcome
    if told.read is not None:
        level = _level_of(told.read)
        said = judge_read(tool, call.arguments, told.read)
        if said is None:
            return msgspec.structs.replace(_UNDECIDED, is_told=False)
        outcome = ReceiptStatus(said.value)
    elif not told.operator:
        level = EvidenceLevel.NONE if cited is None else cited.evidence_level
    assert outcome is not None, "without an outcome a read was cited, and judged"  # noqa: S101 -- `_check_asked`
    word = _word(asked, outcome, call, level, cited)
    if told.read is not None:
        _check_read(asked, word, is_enough(word, tool, known.environment))
    elif not told.operator:
        _check_cited(word, cited, is_enough(word, tool, known.environment))
    return _Settled(
        version=known.state_version,
        level=level,
        following=settle(policy, known.state, word),
        outcome=outcome,
        is_operator=told.operator,
        known=known,
        call=call,
    )


def _word(
    asked: SettleCall,
    outcome: ReceiptStatus,
    call: CountedCall,
    level: EvidenceLevel,
    cited: _ToldReceipt | None,
) -> Word:
    return Word(
        call=call,
        status=outcome,
        level=level,
        output=None if cited is None or cited.output is None else cited.output.encode(),
        receipt_id=asked.receipt_id,
        settlement_id=asked.settlement_id,
        reason=asked.reason,
        reconciled_by=asked.reconciled_by,
        cost_micros=None if cited is None else cited.cost_micros,
    )


async def _remember(runtime: Runtime, settled: _Settled, row: HotRow) -> None:
    """Note what a settlement of ours led to; one that was given again led to nothing new."""
    known, call, following = settled.known, settled.call, settled.following
    if row["replayed"] or known is None or call is None or following is None:
        return
    policy = (await runtime.pinned(known)).policy
    known.settled(policy, call, following, row["settled_at"])
    known.moved(following.after, row["state_version"], row["settled_at"])


def _check_cited(word: Word, cited: _ToldReceipt | None, enough: bool) -> None:  # noqa: FBT001 -- one fact of three
    if cited is None:
        raise EvidenceTooWeak(detail="the holder settles by citing a receipt; none was cited")
    if cited.status is not word.status:
        raise EvidenceTooWeak(detail=f"the cited receipt says `{cited.status.value}`")
    if not enough:
        raise EvidenceTooWeak(
            detail=f"the cited receipt is `{cited.evidence_level.value}`, which is not enough"
        )


def _level_of(read: ToldRead) -> EvidenceLevel:
    """Return how good the word of a read is: verified where its own host signed it."""
    if read.is_attested:
        return EvidenceLevel.EXTERNALLY_VERIFIED
    return EvidenceLevel.CLIENT_REPORTED


def _check_read(asked: SettleCall, word: Word, enough: bool) -> None:  # noqa: FBT001 -- one fact of three
    if asked.outcome not in {None, word.status}:
        raise EvidenceTooWeak(detail=f"the cited read says `{word.status.value}`")
    if not enough:
        raise EvidenceTooWeak(detail=f"the cited read is `{word.level.value}`, which is not enough")


def _said(settled: _Settled) -> list[Value]:
    following = settled.following
    return [] if following is None else [*following.said]
