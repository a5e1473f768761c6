"""What the client reads is what the service writes."""

import pytest

from placet.kernel.value import Value
from placet.replay.calls import answers as service
from placet.replay.calls.proposal import ToolCall as ProposedToolCall
from placet.sdk import answers, endpoints


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (answers.SessionAnswer, service.SessionWithPending),
        (answers.PendingCall, service.PendingCallView),
        (answers.Prepared, service.Prepared),
        (answers.ProposedCall, service.CallOutcome),
        (answers.Proposal, service.ProposalAnswer),
        (answers.Started, service.Started),
        (answers.ReceiptAnswer, service.ReceiptAnswer),
        (answers.Settlement, service.SettlementAnswer),
    ],
)
def test_every_member_that_is_read_is_one_that_is_written(
    ours: type[Value], theirs: type[Value]
) -> None:
    assert set(ours.__struct_fields__) <= set(theirs.__struct_fields__)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (endpoints.Receipt, service.ReportReceipt),
        (endpoints.Settle, service.SettleCall),
        (endpoints.ToolCall, ProposedToolCall),
    ],
)
def test_every_member_that_is_sent_is_one_that_is_taken(
    ours: type[Value], theirs: type[Value]
) -> None:
    assert set(ours.__struct_fields__) == set(theirs.__struct_fields__)
