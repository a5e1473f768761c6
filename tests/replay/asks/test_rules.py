"""What is hidden of a call that waits, and what becomes of a step that is claimed: pure values."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.replay.asks.people import asking

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.policy.compile import compile_contract
from placet.policy.facts import Facts
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.paths import parse_path
from placet.policy.remember import effect_key_hash
from placet.policy.text.parse import read_contract
from placet.replay.asks.deciding import (
    DecidedClaim,
    ToldCall,
    ToldStep,
    decide_claim,
    has_fallen,
)
from placet.replay.asks.rules import redact
from placet.replay.calls.events import CallClaimed, CallsClaimed
from placet.replay.calls.fold import evolve
from placet.replay.calls.model import BlockedWhy, CallStatus
from placet.replay.sessions.rules import opening_state

AWAITING, HELD = CallStatus.AWAITING_APPROVAL, CallStatus.HELD
GRANTED, DENIED, BLOCKED = CallStatus.GRANTED, CallStatus.DENIED, CallStatus.BLOCKED
ESCALATE, HOLD, NOTE, CLAIM = (UUID(int=number) for number in (1, 2, 3, 9))
GIVEN = {ESCALATE: '{"reason":"x"}', HOLD: '{"case":"c1"}', NOTE: '{"text":"x"}'}
TOOLS = {ESCALATE: "escalate", HOLD: "hold_case", NOTE: "note"}
START = opening_state("intake")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def policy(gate: str) -> Policy:
    document = asking(gate)
    for tool in document["tools"]:
        if tool["tool"] == "hold_case":
            tool["input_schema"] = {"type": "object", "properties": {"case": {"type": "string"}}}
    contract = read_contract(document)
    assert isinstance(contract, Contract)
    return load_policy(compile_contract(contract).runtime)


WHOLE, PARTIAL = policy("reject_all"), policy("strip_partial")


def step(statuses: dict[UUID, CallStatus], *approved: UUID) -> ToldStep:
    return ToldStep(
        state_version=1,
        prepared_request_id=UUID(int=7),
        approved=sorted(approved),
        step=[
            ToldCall(
                call_id=call_id,
                ordinal=place,
                tool_call_id=f"call_{place}",
                tool=TOOLS[call_id],
                arguments=GIVEN[call_id],
                status=status,
                counts=status is GRANTED,
            )
            for place, (call_id, status) in enumerate(statuses.items())
        ],
    )


def claimed(
    rules: Policy, told: ToldStep, call_id: UUID, taken: Sequence[bytes] = ()
) -> DecidedClaim:
    facts = Facts(now=NOW, phase="intake", effect_keys_taken=frozenset(taken))
    return decide_claim(rules, START, facts, told, (CLAIM, call_id))


def test_nothing_of_a_whole_response_moves_while_an_ask_of_it_is_open() -> None:
    told = step({ESCALATE: AWAITING, HOLD: AWAITING, NOTE: HELD}, ESCALATE)
    found = claimed(WHOLE, told, ESCALATE)
    assert (found.rows, found.granted) == ([], 0)


def test_a_whole_response_is_granted_with_its_last_yes_and_counts_as_one_step() -> None:
    told = step({ESCALATE: AWAITING, HOLD: AWAITING, NOTE: HELD}, ESCALATE, HOLD)
    found = claimed(WHOLE, told, HOLD)
    assert [row.status for row in found.rows] == [GRANTED] * 3
    assert (found.state.steps, found.state.counted) == (
        1,
        {"escalate": 1, "hold_case": 1, "note": 1},
    )


def test_a_refusal_of_one_call_refuses_a_whole_response_each_call_in_its_own_way() -> None:
    told = step({ESCALATE: AWAITING, HOLD: AWAITING, NOTE: HELD}, ESCALATE, HOLD)
    key = effect_key_hash(WHOLE, "hold_case", GIVEN[HOLD].encode())
    assert key is not None
    found = claimed(WHOLE, told, HOLD, [key])
    assert [(row.status, row.blocked_why) for row in found.rows] == [
        (DENIED, None),
        (DENIED, None),
        (BLOCKED, BlockedWhy.RESPONSE_REFUSED),
    ]
    assert (found.granted, found.state) == (0, START)


def test_an_ask_alone_is_judged_where_a_response_may_run_in_part() -> None:
    told = step({ESCALATE: AWAITING, HOLD: AWAITING, NOTE: GRANTED}, ESCALATE, HOLD)
    found = claimed(PARTIAL, told, ESCALATE)
    assert [(row.call_id, row.status) for row in found.rows] == [(ESCALATE, GRANTED)]
    assert found.state.steps == 0, "its step counted before"


def test_a_call_without_a_yes_of_its_own_is_not_granted() -> None:
    found = claimed(PARTIAL, step({ESCALATE: AWAITING}), ESCALATE)
    assert found.rows == []


def test_the_events_of_a_claim_lead_to_its_state_and_name_each_call_as_it_is() -> None:
    told = step({NOTE: GRANTED, ESCALATE: AWAITING}, ESCALATE)
    found = claimed(PARTIAL, told, ESCALATE)
    summary, call = found.said
    assert isinstance(summary, CallsClaimed)
    assert isinstance(call, CallClaimed)
    assert (call.status, call.ordinal, call.claim_id) == (GRANTED, 1, CLAIM)
    state = START
    for said in found.said:
        state = evolve(state, said)
    assert state == found.state


@pytest.mark.parametrize("status", ["denied", "expired", "cancelled", "blocked"])
def test_a_whole_response_has_fallen_once_a_call_of_it_ended_otherwise(status: str) -> None:
    told = step({ESCALATE: AWAITING, HOLD: CallStatus(status)}, ESCALATE)
    assert has_fallen(WHOLE, told)
    assert not has_fallen(PARTIAL, told)
    assert not has_fallen(WHOLE, step({ESCALATE: AWAITING, NOTE: HELD}))


def test_a_whole_response_has_not_fallen_where_a_call_of_it_was_edited() -> None:
    told = step({ESCALATE: CallStatus.SUPERSEDED, HOLD: AWAITING, NOTE: HELD}, HOLD)
    assert not has_fallen(WHOLE, told)
    found = claimed(WHOLE, told, HOLD)
    assert [row.call_id for row in found.rows] == [HOLD, NOTE]


def test_what_is_redacted_is_told_by_its_place_and_salted_hash() -> None:
    document: Json = {"a/b": {"c": [1, 2]}, "d": "seen", "e": {"f": "x", "g": "y"}}
    paths = [parse_path(text) for text in ("$['a/b'].c[*]", "$.e", "$.e.f", "$.missing", "$.d[0]")]
    shown, hidden = redact(paths, document, b"salt")
    assert shown == {"a/b": {"c": ["[redacted]", "[redacted]"]}, "d": "seen", "e": "[redacted]"}
    assert [one.pointer for one in hidden] == ["/a~1b/c/0", "/a~1b/c/1", "/e/f", "/e"]
    hashed = digest("redacted", b"salt", b"/a~1b/c/0", b"\x00", foreign.encode(1))
    assert hidden[0].hash == hashed.hex()
    _, other = redact(paths, document, b"another")
    assert {one.hash for one in hidden}.isdisjoint(one.hash for one in other)
    assert document["e"] == {"f": "x", "g": "y"}, "what is shown is a copy"  # type: ignore[call-overload,index]  # it is the dict above
