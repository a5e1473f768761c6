"""What evidence settles, by table; and the state as a fold."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from tests.replay.desk import CONTRACT

from placet.kernel.principal import Environment
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract
from placet.replay.calls.fold import evolve
from placet.replay.calls.model import (
    CallStatus,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    KeptKind,
    ReceiptStatus,
)
from placet.replay.calls.next_call import CountedCall, NextCall
from placet.replay.calls.rules import (
    Overdue,
    Word,
    decide_overdue,
    decide_word,
)
from placet.replay.sessions.model import SessionStatus
from placet.replay.sessions.rules import opening_state
from placet.replay.sessions.state import CommittedMemory, SessionState

CALL = UUID("019a0000-0000-7000-8000-000000000001")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAGING, PRODUCTION = Environment.STAGING, Environment.PRODUCTION
CLIENT, ATTESTED = EvidenceLevel.CLIENT_REPORTED, EvidenceLevel.EXECUTOR_ATTESTED
SUCCEEDED, FAILED = ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED


@pytest.fixture(scope="module")
def policy() -> Policy:
    contract = read_contract(CONTRACT)
    assert isinstance(contract, Contract)
    return load_policy(compile_contract(contract).runtime)


def word(
    tool: str, status: ReceiptStatus, level: EvidenceLevel, phase: str | None = "verified"
) -> Word:
    return Word(
        call=CountedCall(
            call_id=CALL,
            tool=tool,
            arguments=b'{"order_id":"ord_00000001"}',
            phase=phase,
            step=1,
            since=NOW,
            status=CallStatus.GRANTED,
        ),
        status=status,
        level=level,
        output=b'{"status":"delivered","secret":1}',
    )


def decided(policy: Policy, state: SessionState, environment: Environment, word: Word) -> NextCall:
    following = decide_word(policy, state, environment, word)
    assert following is not None
    return following


@pytest.mark.parametrize(
    ("tool", "environment", "status", "level", "settles"),
    [
        ("lookup_order", PRODUCTION, SUCCEEDED, CLIENT, True),
        ("lookup_order", PRODUCTION, SUCCEEDED, EvidenceLevel.MODEL_CLAIMED, False),
        ("issue_refund", STAGING, SUCCEEDED, CLIENT, True),
        ("issue_refund", PRODUCTION, SUCCEEDED, CLIENT, False),
        ("issue_refund", PRODUCTION, SUCCEEDED, ATTESTED, True),
        ("issue_refund", STAGING, FAILED, CLIENT, True),
        ("issue_refund", PRODUCTION, FAILED, CLIENT, False),
        ("issue_refund", PRODUCTION, FAILED, ATTESTED, True),
        ("note", PRODUCTION, FAILED, CLIENT, True),
    ],
)
def test_a_call_is_settled_exactly_by_the_evidence_that_its_tool_needs(  # noqa: PLR0913, PLR0917 -- a row of the table
    policy: Policy,
    tool: str,
    environment: Environment,
    status: ReceiptStatus,
    level: EvidenceLevel,
    settles: bool,  # noqa: FBT001 -- a row of the table
) -> None:
    state = SessionState(phase="verified", steps=1, counted={tool: 1})
    after = decided(policy, state, environment, word(tool, status, level))
    assert (after.status is CallStatus.SETTLED) == settles
    assert after.frees_effect_key == (settles and status is FAILED)
    assert after.after.counted == ({} if settles and status is FAILED else {tool: 1})


@pytest.mark.parametrize("status", [ReceiptStatus.TIMED_OUT, ReceiptStatus.UNKNOWN])
def test_an_outcome_that_nobody_knows_holds_what_it_held(
    policy: Policy, status: ReceiptStatus
) -> None:
    state = SessionState(phase="verified", steps=1, counted={"note": 1})
    after = decided(policy, state, STAGING, word("note", status, CLIENT))
    assert (after.status, after.execution_state) == (CallStatus.UNKNOWN, ExecutionState.UNKNOWN)
    assert not after.frees_effect_key
    assert after.after.counted == state.counted


def test_a_commit_advances_the_phase_and_remembers_only_what_a_rule_names(policy: Policy) -> None:
    state = opening_state("intake")
    after = decided(policy, state, STAGING, word("lookup_order", SUCCEEDED, CLIENT, "intake"))
    assert (after.commit_state, after.phase) == (CommitState.COMMITTED, "verified")
    assert after.after.remembered == {"lookup_order": 1}
    (kept,) = after.left.kept
    assert (kept.kind, kept.name, kept.number) == (KeptKind.MEMORY, "lookup_order", 1)
    memory = msgspec.json.decode(kept.value, type=CommittedMemory)
    assert memory.arguments == {"$.order_id": r'"\"ord_00000001"'}
    assert memory.output == {"$.status": '"delivered"'}


def test_a_commit_that_finds_another_phase_is_recorded_and_moves_nothing(policy: Policy) -> None:
    state = opening_state("closed")
    after = decided(policy, state, STAGING, word("lookup_order", SUCCEEDED, CLIENT, "intake"))
    assert after.phase == "closed"
    (said,) = after.said
    assert getattr(said, "phase_conflict", None) is True


def test_reaching_a_terminal_phase_closes_the_session(policy: Policy) -> None:
    state = opening_state("verified")
    after = decided(policy, state, STAGING, word("close_case", SUCCEEDED, CLIENT))
    assert after.session_status is SessionStatus.CLOSING
    assert decided(policy, state, STAGING, word("note", SUCCEEDED, CLIENT)).session_status is None


def test_the_state_after_a_word_is_the_fold_of_its_event(policy: Policy) -> None:
    state = SessionState(phase="verified", steps=1, counted={"lookup_order": 2})
    for status in (SUCCEEDED, FAILED):
        after = decided(policy, state, STAGING, word("lookup_order", status, CLIENT))
        (said,) = after.said
        assert after.after == evolve(state, said)
        assert after.after != state


@pytest.mark.parametrize(
    ("status", "execution", "start_required", "is_reported", "becomes"),
    [
        (CallStatus.AWAITING_APPROVAL, ExecutionState.NOT_STARTED, True, False, Overdue.EXPIRED),
        (CallStatus.GRANTED, ExecutionState.NOT_STARTED, True, False, Overdue.ABANDONED),
        (CallStatus.GRANTED, ExecutionState.NOT_STARTED, True, True, Overdue.UNKNOWN),
        (CallStatus.GRANTED, ExecutionState.NOT_STARTED, False, False, Overdue.UNKNOWN),
        (CallStatus.GRANTED, ExecutionState.STARTED, True, False, Overdue.UNKNOWN),
        (CallStatus.GRANTED, ExecutionState.FAILED, True, True, Overdue.UNKNOWN),
    ],
)
def test_an_overdue_call_is_abandoned_only_if_it_cannot_have_begun(
    status: CallStatus,
    execution: ExecutionState,
    start_required: bool,  # noqa: FBT001 -- a row of the table
    is_reported: bool,  # noqa: FBT001 -- a row of the table
    becomes: Overdue,
) -> None:
    became = decide_overdue(
        status, execution, start_required=start_required, is_reported=is_reported
    )
    assert became is becomes
