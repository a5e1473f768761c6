"""A recording is told as what happened, when it happened."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from tests.replay.desk import CONTRACT
from tests.studio.impact.made_up import START, UNTIL, made_call

from placet.kernel.foreign import Json
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract
from placet.replay.calls.model import CallStatus, ReceiptStatus, Verdict
from placet.replay.recordings.lines import lines_of, outcome_of
from placet.replay.recordings.model import RecordedCall, Recording


@pytest.fixture(scope="module")
def policy() -> Policy:
    found = read_contract(CONTRACT)
    assert isinstance(found, Contract)
    return load_policy(compile_contract(found).runtime)


def recording(*calls: RecordedCall) -> Recording:
    return Recording(session_id=calls[0].session_id, until=UNTIL, calls=list(calls))


def name(call: RecordedCall) -> str:
    return str(call.call_id)


def test_each_happening_stands_at_its_own_time(policy: Policy) -> None:
    status: Json = {"status": "delivered"}
    first = made_call(1, "lookup_order", {"order_id": "a"}, settled=5, output=status)
    second = made_call(2, at=2, ended=1, settled=10)
    asked = made_call(3, "escalate", at=3, granted=4, verdict=Verdict.ASK, ended=2)
    lines = lines_of(recording(first, second, asked), policy)
    told = [
        ((line.at - START).total_seconds(), [one.id for one in line.tool_calls], line.approved)
        for line in lines
    ]
    assert told == [
        (0, [name(first)], ()),
        (2, [name(second)], ()),
        (3, [name(asked)], ()),
        (4, [], (name(asked),)),
        (5, [], ()),
        (12, [], ()),
    ]
    assert lines[4].outputs == {name(first): status}
    assert lines[5].failed == (name(second),)


def test_calls_of_one_response_are_told_together(policy: Policy) -> None:
    one, other = made_call(1, step=1), made_call(2, step=1)
    apart = replace(made_call(3, step=2), proposed_at=one.proposed_at)
    lines = lines_of(recording(one, other, apart), policy)
    assert [[call.id for call in line.tool_calls] for line in lines[:2]] == [
        [name(one), name(other)],
        [name(apart)],
    ]


def test_an_output_that_no_rule_reads_is_not_read(policy: Policy) -> None:
    note = made_call(1, "note", output={"text": "x"})
    assert lines_of(recording(note), policy)[1].outputs == {name(note): None}


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (0, ReceiptStatus.SUCCEEDED),
        (1, ReceiptStatus.FAILED),
        (2, None),
        (3, ReceiptStatus.FAILED),
        (4, None),
        (5, ReceiptStatus.SUCCEEDED),
    ],
    ids=["succeeded", "failed", "unknown", "abandoned", "blocked", "shadowed"],
)
def test_an_outcome_is_what_settled_a_call(ended: int, told: ReceiptStatus | None) -> None:
    outcome = outcome_of(made_call(1, ended=ended), UNTIL)
    assert (None if outcome is None else outcome[0]) is told


def test_an_outcome_is_never_before_its_call_nor_after_the_end() -> None:
    call = made_call(1, at=5, settled=-3)
    assert outcome_of(call, UNTIL) == (ReceiptStatus.SUCCEEDED, call.proposed_at)
    assert outcome_of(call, START) is None
    assert outcome_of(made_call(1, settled=1), START + timedelta(seconds=1)) is None


def test_a_call_that_its_host_never_let_in_ended_when_that_was_said() -> None:
    call = replace(made_call(1, ended=3), settled_at=START)
    assert outcome_of(call, UNTIL) == (ReceiptStatus.FAILED, max(START, call.proposed_at))
    later = replace(call, settled_at=None)
    assert outcome_of(later, UNTIL) == (ReceiptStatus.FAILED, later.grant_expires_at)


def test_arguments_of_no_length_are_malformed_and_unread_ones_are_unknown(policy: Policy) -> None:
    call = made_call(1)
    assert call.status is CallStatus.SETTLED
    for arguments, text in ((b"", " "), (None, ""), (b"{", "{")):
        (line, *_) = lines_of(recording(replace(call, arguments=arguments)), policy)
        assert line.tool_calls[0].function.arguments == text
