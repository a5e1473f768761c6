"""A person's word on the lifting of a kill passes for no other lift, and for nothing else."""

import msgspec
import pytest
from tests.evidence.principal_samples import ISSUER_KEY, sample_lift_vote
from tests.evidence.samples import PERSON_KEY

from placet.evidence import dsse
from placet.evidence.ask_vote import ASK_VOTE_TYPE
from placet.evidence.lift_vote import (
    LIFT_VOTE_TYPE,
    LiftAct,
    LiftVote,
    sign_lift_vote,
    verify_lift_vote,
)
from placet.kernel.canonical import canonical

VOTE = sample_lift_vote()
ENVELOPE = sign_lift_vote(VOTE, PERSON_KEY)


def test_a_vote_is_read_back_as_it_was_signed_and_asking_is_not_confirming() -> None:
    assert verify_lift_vote(ENVELOPE, [ISSUER_KEY.public, PERSON_KEY.public]) == VOTE
    agreed = sign_lift_vote(sample_lift_vote(LiftAct.CONFIRM), PERSON_KEY)
    assert agreed.signatures != ENVELOPE.signatures


def test_another_key_or_one_that_the_vote_does_not_name_is_refused() -> None:
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_lift_vote(ENVELOPE, [ISSUER_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_lift_vote(sign_lift_vote(VOTE, ISSUER_KEY), [ISSUER_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


def test_the_same_bytes_under_another_type_are_refused() -> None:
    other = dsse.sign(ASK_VOTE_TYPE, ENVELOPE.payload, PERSON_KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_lift_vote(other, [PERSON_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE


def test_every_field_is_under_the_signature() -> None:
    plain = msgspec.json.decode(ENVELOPE.payload)
    assert set(plain) == set(LiftVote.__struct_fields__)
    for field in plain:
        forged = msgspec.structs.replace(ENVELOPE, payload=canonical({**plain, field: "x"}))
        with pytest.raises(dsse.EnvelopeRefused) as refused:
            verify_lift_vote(forged, [PERSON_KEY.public])
        assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE


@pytest.mark.parametrize(
    "wrong",
    [
        {"act": "lift"},
        {"kind": "artifact"},
        {"target": "x" * 129},
        {"set_epoch": 0},
        {"reason": ""},
        {"reason": "x" * 1_001},
        {"key_id": "ab"},
        {"more": 1},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_what_no_vote_says_is_refused_though_signed(wrong: dict[str, object]) -> None:
    payload = canonical(msgspec.json.decode(ENVELOPE.payload) | wrong)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_lift_vote(dsse.sign(LIFT_VOTE_TYPE, payload, PERSON_KEY), [PERSON_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD
