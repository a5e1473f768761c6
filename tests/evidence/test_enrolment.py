"""A signed word on an enrolment passes for nothing else, and nothing else for it."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from placet.evidence import dsse, vote
from placet.evidence.ed25519 import SigningKey
from placet.evidence.enrolment import (
    ENROLMENT_VOTE_TYPE,
    EnrolmentVote,
    sign_enrolment_vote,
    verify_enrolment_vote,
)
from placet.evidence.vote import VoteDecision
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment

KEY = SigningKey(bytes(range(32)))
SAID = EnrolmentVote(
    tenant_id=UUID(int=1),
    workspace_id=UUID(int=2),
    environment=Environment.STAGING,
    enrolment_id=UUID(int=3),
    decision=VoteDecision.APPROVE,
    actor_id=UUID(int=4),
    enrolled_key_id="11" * 32,
    public_key="22" * 32,
    challenge="33" * 32,
    groups=["legal"],
    voter_id=UUID(int=5),
    key_id=KEY.key_id,
    latest_checkpoint=None,
)


def test_what_was_signed_is_what_is_read() -> None:
    assert verify_enrolment_vote(sign_enrolment_vote(SAID, KEY), [KEY.public]) == SAID


def test_the_same_bytes_under_another_type_are_refused() -> None:
    other = dsse.sign(vote.APPROVAL_VOTE_TYPE, canonical(SAID), KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_enrolment_vote(other, [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        vote.verify_vote(sign_enrolment_vote(SAID, KEY), [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE


def test_a_word_that_names_another_key_than_the_one_that_signed_is_refused() -> None:
    other = dsse.sign(ENROLMENT_VOTE_TYPE, canonical(replace(SAID, key_id="00" * 32)), KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_enrolment_vote(other, [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD
