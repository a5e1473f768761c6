"""Whatever releases or commits a call says that it counts beyond its session, where it does."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.replay.slices.purse import purse
from tests.replay.twofold import policy_of

from placet.kernel.principal import Environment
from placet.replay.calls.model import CallStatus, EvidenceLevel, ReceiptStatus
from placet.replay.calls.next_call import CountedCall
from placet.replay.calls.rules import Word, decide_word
from placet.replay.sessions.rules import opening_state

WIDE = purse({"lte": 100})
NARROW = purse({"lte": 100, "scope": "session"})


@pytest.mark.parametrize("never_begun", [False, True])
@pytest.mark.parametrize("status", [ReceiptStatus.FAILED, ReceiptStatus.SUCCEEDED])
@pytest.mark.parametrize("is_wide", [False, True])
def test_a_settlement_says_whether_its_call_counts_beyond_its_session(
    status: ReceiptStatus, *, is_wide: bool, never_begun: bool
) -> None:
    call = CountedCall(
        call_id=UUID(int=7),
        tool="pay",
        arguments=b'{"amount":5}',
        phase="intake",
        step=1,
        since=datetime(2026, 1, 1, tzinfo=UTC),
        status=CallStatus.GRANTED,
    )
    word = Word(
        call=call,
        status=status,
        level=EvidenceLevel.EXECUTOR_ATTESTED,
        output=None,
        never_begun=never_begun and status is ReceiptStatus.FAILED,
    )
    policy = policy_of(WIDE if is_wide else NARROW)
    following = decide_word(policy, opening_state("intake"), Environment.STAGING, word)
    assert following is not None
    left = following.left
    assert (left.releases or left.commits) == [call.call_id]
    assert left.is_wide is is_wide
