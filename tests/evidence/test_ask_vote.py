"""A signed word on an ask passes for nothing else, and nothing else for it."""

from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.evidence.samples import ASK_VOTE as SAID

from placet.evidence import dsse, vote
from placet.evidence.ask_vote import ASK_VOTE_TYPE, AskDecision, sign_ask_vote, verify_ask_vote
from placet.evidence.ed25519 import SigningKey
from placet.kernel.canonical import canonical

KEY = SigningKey(bytes(range(32)))
VOTE = replace(SAID, key_id=KEY.key_id)


def test_what_was_signed_is_what_is_read() -> None:
    assert verify_ask_vote(sign_ask_vote(VOTE, KEY), [KEY.public]) == VOTE


def test_the_same_bytes_under_another_type_are_refused() -> None:
    other = dsse.sign(vote.APPROVAL_VOTE_TYPE, canonical(VOTE), KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_ask_vote(other, [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE


def test_a_vote_of_another_key_or_one_that_names_another_is_refused() -> None:
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_ask_vote(sign_ask_vote(VOTE, SigningKey(bytes(32))), [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_ask_vote(sign_ask_vote(replace(VOTE, key_id="00" * 32), KEY), [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


def _call(number: int) -> dict[str, str]:
    return {
        "arguments_hash": "22" * 32,
        "call_id": str(UUID(int=number)),
        "view_hash": "33" * 32,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"calls": []},
        {"calls": [_call(2), _call(1)]},
        {"calls": [_call(1), _call(1)]},
        {"calls": [_call(number) for number in range(1, 130)]},
        {"decision": "maybe"},
        {"decision": "reject", "reason": None},
        {"reason": ""},
        {"reason": "x" * 1_001},
        {"more": 1},
    ],
)
def test_a_word_out_of_bounds_is_none(wrong: dict[str, object]) -> None:
    said = msgspec.to_builtins(VOTE) | wrong
    payload = canonical(said)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_ask_vote(dsse.sign(ASK_VOTE_TYPE, payload, KEY), [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


def test_an_approval_needs_no_reason_and_a_rejection_does() -> None:
    assert replace(VOTE, reason=None).decision is AskDecision.APPROVE
    with pytest.raises(ValueError, match="says why"):
        replace(VOTE, decision=AskDecision.REJECT, reason=None)
