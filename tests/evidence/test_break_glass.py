"""A signed word on break-glass passes for nothing else, and nothing else for it."""

from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from placet.evidence import dsse, vote
from placet.evidence.break_glass import (
    BREAK_GLASS_VOTE_TYPE,
    BreakGlassVote,
    sign_break_glass,
    verify_break_glass,
)
from placet.evidence.ed25519 import SigningKey
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment

KEY = SigningKey(bytes(range(32)))
SAID = BreakGlassVote(
    tenant_id=UUID(int=1),
    workspace_id=UUID(int=2),
    environment=Environment.PRODUCTION,
    activation_id=UUID(int=3),
    approval_id=UUID(int=4),
    artifact_hash="11" * 32,
    minutes=60,
    reason="the provider is down",
    voter_id=UUID(int=5),
    key_id=KEY.key_id,
    latest_checkpoint=None,
)


def test_what_was_signed_is_what_is_read() -> None:
    assert verify_break_glass(sign_break_glass(SAID, KEY), [KEY.public]) == SAID


def test_the_same_bytes_under_another_type_are_refused() -> None:
    other = dsse.sign(vote.APPROVAL_VOTE_TYPE, canonical(SAID), KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_break_glass(other, [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        vote.verify_vote(sign_break_glass(SAID, KEY), [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE


def test_a_word_that_names_another_key_than_the_one_that_signed_is_refused() -> None:
    other = sign_break_glass(replace(SAID, key_id="00" * 32), KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_break_glass(other, [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


@pytest.mark.parametrize(
    "wrong", [{"minutes": 61}, {"minutes": 0}, {"reason": ""}, {"reason": "x" * 1001}, {"more": 1}]
)
def test_a_word_out_of_bounds_is_none(wrong: dict[str, object]) -> None:
    said = msgspec.to_builtins(SAID) | wrong
    payload = msgspec.json.encode(dict(sorted(said.items())))
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_break_glass(dsse.sign(BREAK_GLASS_VOTE_TYPE, payload, KEY), [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD
