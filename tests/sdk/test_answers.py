"""What the client reads is what the service writes."""

from uuid import UUID

import msgspec
import pytest

from placet.kernel.value import Value
from placet.replay.asks import answers as asks
from placet.replay.calls import answers as service
from placet.replay.calls.attested import Attestation
from placet.replay.calls.tool_calls import ToolCall as ProposedToolCall
from placet.replay.orphans import model as orphans
from placet.replay.pending import model as pending
from placet.replay.unguarded.model import UnguardedAnswer
from placet.sdk import answers, endpoints, notes


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (answers.SessionAnswer, pending.SessionWithPending),
        (answers.PendingCall, pending.PendingCallView),
        (answers.SeenReceipt, pending.ReceiptView),
        (answers.Prepared, service.Prepared),
        (answers.ProposedCall, service.CallOutcome),
        (answers.Proposal, service.ProposalAnswer),
        (answers.CallState, asks.CallView),
        (answers.Claimed, asks.ClaimAnswer),
        (answers.Started, service.Started),
        (answers.ReceiptAnswer, service.ReceiptAnswer),
        (answers.Settlement, service.SettlementAnswer),
        (answers.OrphanKept, orphans.OrphanKept),
        (answers.UnguardedTold, UnguardedAnswer),
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
        (endpoints.NextRequest, service.PrepareRequest),
        (notes.Attestation, Attestation),
        (endpoints.Settle, service.SettleCall),
        (endpoints.ToolCall, ProposedToolCall),
    ],
)
def test_every_member_that_is_sent_is_taken_and_every_one_that_is_needed_is_sent(
    ours: type[Value], theirs: type[Value]
) -> None:
    assert set(ours.__struct_fields__) <= set(theirs.__struct_fields__)
    needed = {field.name for field in msgspec.structs.fields(theirs) if field.required}
    assert needed <= set(ours.__struct_fields__)


def test_a_grant_stays_the_bytes_that_it_came_as_and_none_is_told_from_one() -> None:
    text = (
        f'{{"call_id":"{UUID(int=1)}","tool_call_id":"c","tool":"pay","verdict":"allow",'
        '"status":"granted","grant":%s}'
    )
    given = msgspec.json.decode(text % '{"payload": "x"}', type=answers.ProposedCall)
    assert (given.has_grant, bytes(given.grant)) == (True, b'{"payload": "x"}')
    assert not msgspec.json.decode(text % "null", type=answers.ProposedCall).has_grant
