"""What is hidden of a list stays only with the element that it stood in: pure values."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.replay.desk import CONTRACT
from tests.replay.twofold import policy_of

from placet.events.model import StreamId
from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.kernel.ids import TenantId
from placet.replay.asks.editing import read_edit
from placet.replay.asks.model import EditedCall
from placet.replay.calls.model import (
    CallStatus,
    CommitNeed,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    ReplayPendingCall,
    Verdict,
)

PAY = {
    "tool": "pay_all",
    "side_effect": "write",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "decision": "ask",
    "redact": ["$.pay[*].acct", "$.pay[*].pins[*]", "$.boss[0].acct", "$.codes[*]"],
}
POLICY = policy_of({**CONTRACT, "tools": [*CONTRACT["tools"], PAY]})
HIDDEN = "[redacted]"
FIRST: Json = {"to": "A", "n": 1, "acct": "AAAA", "pins": ["1", "2"]}
GIVEN: dict[str, Json] = {
    "pay": [
        FIRST,
        {"to": "B", "n": 2, "acct": "BBBB"},
    ],
    "boss": [{"to": "C", "acct": "CCCC"}, {"to": "D"}],
    "codes": ["x", "y"],
    "why": "due",
}
A: dict[str, Json] = {"to": "A", "n": 1, "acct": HIDDEN, "pins": [HIDDEN, HIDDEN]}
B: dict[str, Json] = {"to": "B", "n": 2, "acct": HIDDEN}
E: Json = {"to": "E", "n": 9, "acct": "EEEE"}
SHOWN: dict[str, Json] = {
    "pay": [A, B],
    "boss": [{"to": "C", "acct": HIDDEN}, {"to": "D"}],
    "codes": [HIDDEN, HIDDEN],
    "why": "due",
}


def edit(change: dict[str, Json]) -> EditedCall | list[str]:
    arguments = foreign.encode(GIVEN)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    call = ReplayPendingCall(
        tenant_id=TenantId(UUID(int=1)),
        session_id=StreamId(UUID(int=2)),
        call_id=UUID(int=3),
        prepared_request_id=UUID(int=4),
        step_id=1,
        ordinal=0,
        tool_call_id="t",
        tool_name="pay_all",
        arguments_hash=digest("arguments", arguments),
        arguments=arguments,
        verdict=Verdict.ASK,
        layer=None,
        reasons=[],
        blocked_why=None,
        effect_key=None,
        commit_requirement=CommitNeed.ACKNOWLEDGED,
        start_required=False,
        evidence_level=EvidenceLevel.NONE,
        execution_state=ExecutionState.NOT_STARTED,
        commit_state=CommitState.NOT_REQUIRED,
        status=CallStatus.AWAITING_APPROVAL,
        proposed_at=now,
        deadline_at=now,
        granted_at=None,
        grant_expires_at=None,
        grant_epoch=None,
        grant_fence=None,
        grant_control_epoch=None,
        grant_control_revision=None,
        start_id=None,
        started_at=None,
        settled_at=None,
        committed_at=None,
        settled_by=None,
        counts=False,
        phase_at_grant=None,
        cost_micros=None,
    )
    return read_edit(POLICY, call, json.dumps({**SHOWN, **change}))


def test_a_list_that_shows_what_it_showed_keeps_its_hidden_values() -> None:
    made = edit({"why": "overdue"})
    assert isinstance(made, EditedCall)
    assert json.loads(made.arguments) == {**GIVEN, "why": "overdue"}


def test_an_element_with_nothing_to_keep_may_change_beside_one_that_stays() -> None:
    made = edit({"pay": [A, E]})
    assert isinstance(made, EditedCall)
    assert json.loads(made.arguments)["pay"] == [FIRST, E]


@pytest.mark.parametrize(
    "change",
    [
        {"pay": [B]},
        {"pay": [A]},
        {"pay": [B, A]},
        {"pay": [A, B, E]},
        {"pay": [A, {**B, "n": 3}]},
        {"pay": [A, {**B, "n": True}]},
        {"pay": [{**A, "pins": [HIDDEN]}, B]},
        {"boss": [{"to": "D", "acct": HIDDEN}, {"to": "C"}]},
        {"boss": [{"to": "C", "acct": HIDDEN}]},
        {"codes": [HIDDEN]},
        {"codes": [HIDDEN, HIDDEN, "z"]},
    ],
)
def test_what_may_stand_in_another_element_than_before_keeps_nothing(
    change: dict[str, Json],
) -> None:
    found = edit(change)
    assert isinstance(found, list), found
    assert ["write the hidden values out" in one for one in found] == [True]
