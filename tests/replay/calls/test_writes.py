"""What goes to the database alone: whatever another session may wait for."""

from uuid import UUID

import msgspec
import pytest

from placet.replay.calls.model import (
    CallStatus,
    CommitNeed,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    ReceiptStatus,
    Stop,
    Verdict,
)
from placet.replay.calls.next_call import Left, NextCall
from placet.replay.calls.tool_calls import CallRow
from placet.replay.calls.writes import ProposalWrite, ReceiptWrite
from placet.replay.sessions.model import SessionStatus
from placet.replay.sessions.state import SessionState
from placet.replay.slices.model import Wide
from placet.replay.tallies.model import Tallied

SOME = UUID(int=1)

ROW = CallRow(
    call_id=SOME,
    ordinal=0,
    tool_call_id="a",
    tool_name="note",
    arguments_hash="\\x00",
    arguments="\\x00",
    verdict=Verdict.ALLOW,
    layer=None,
    reasons=[],
    blocked_why=None,
    effect_key=None,
    commit_requirement=CommitNeed.ACKNOWLEDGED,
    start_required=False,
    commit_state=CommitState.AWAITING_EVIDENCE,
    status=CallStatus.GRANTED,
    ask_seconds=None,
    grant_ms=1000,
    counts=True,
)
PROPOSAL = ProposalWrite(
    prepared_request_id=SOME,
    request_hash=b"",
    proposal_hash=b"",
    rows=[ROW],
    answer=b"",
    state=b"",
    phase=None,
    closes=False,
    granted=1,
    events=[],
)
NEXT = NextCall(
    status=CallStatus.SETTLED,
    execution_state=ExecutionState.SUCCEEDED,
    commit_state=CommitState.COMMITTED,
    frees_effect_key=False,
    session_status=None,
    after=SessionState(phase=None),
    said=(),
)
RECEIPT = ReceiptWrite(
    call_id=SOME,
    receipt_id=SOME,
    idempotency_key="a",
    fingerprint=b"",
    status=ReceiptStatus.SUCCEEDED,
    evidence_level=EvidenceLevel.CLIENT_REPORTED,
    arguments_hash=b"",
    output_hash=None,
    output=None,
    external_ref=None,
    error=None,
    started_at=None,
    completed_at=None,
    decided_version=1,
    following=NEXT,
    events=[],
)


def test_what_locks_its_own_session_alone_may_go_with_others() -> None:
    assert not PROPOSAL.stands_alone
    assert not RECEIPT.stands_alone
    assert not msgspec.structs.replace(RECEIPT, following=None).stands_alone


@pytest.mark.parametrize(
    "change",
    [
        {"rows": [ROW, msgspec.structs.replace(ROW, effect_key="\\x00")]},
        {"rows": [ROW, msgspec.structs.replace(ROW, standing_id=SOME)]},
        {"left": Left(wide=Wide(allowances=[], takes=[], looks=[]))},
        {"left": Left(tallied=Tallied(tallies=[], looks=[], marks=[]))},
        {"closes": True},
        {"stop": Stop(limit="max_steps", call_id=SOME)},
    ],
    ids=["an effect key", "a standing grant", "an allowance", "a tally", "the end", "a stop"],
)
def test_a_proposal_that_takes_what_sessions_share_goes_alone(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(PROPOSAL, **change).stands_alone


@pytest.mark.parametrize(
    "change",
    [
        {"frees_effect_key": True},
        {"session_status": SessionStatus.CLOSING},
        {"stop": Stop(limit="max_steps", call_id=SOME)},
    ],
    ids=["an effect key", "the end", "a stop"],
)
def test_a_receipt_that_gives_back_what_sessions_share_goes_alone(
    change: dict[str, object],
) -> None:
    following = msgspec.structs.replace(NEXT, **change)
    assert msgspec.structs.replace(RECEIPT, following=following).stands_alone
