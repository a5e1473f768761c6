"""An issuer's word on whom an agent acts for passes for no other agent, and for nothing else."""

from datetime import timedelta

import msgspec
import pytest
from tests.evidence.principal_samples import ISSUER_KEY, sample_assertion
from tests.evidence.samples import GRANT_KEY

from placet.evidence import dsse
from placet.evidence.principal import (
    LIFE_MAX,
    PRINCIPAL_TYPE,
    Assertion,
    sign_assertion,
    verify_assertion,
)
from placet.evidence.receipt import RECEIPT_TYPE
from placet.kernel.canonical import canonical

ASSERTION = sample_assertion()
ENVELOPE = sign_assertion(ASSERTION, ISSUER_KEY)


def test_an_assertion_is_read_back_as_it_was_signed() -> None:
    assert verify_assertion(ENVELOPE, [GRANT_KEY.public, ISSUER_KEY.public]) == ASSERTION


def test_another_key_or_one_that_the_assertion_does_not_name_is_refused() -> None:
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_assertion(ENVELOPE, [GRANT_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_assertion(sign_assertion(ASSERTION, GRANT_KEY), [GRANT_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


def test_the_same_bytes_under_another_type_are_refused() -> None:
    other = dsse.sign(RECEIPT_TYPE, ENVELOPE.payload, ISSUER_KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_assertion(other, [ISSUER_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE


def test_every_field_is_under_the_signature() -> None:
    plain = msgspec.json.decode(ENVELOPE.payload)
    assert set(plain) == set(Assertion.__struct_fields__)
    for field in plain:
        forged = msgspec.structs.replace(ENVELOPE, payload=canonical({**plain, field: "x"}))
        with pytest.raises(dsse.EnvelopeRefused) as refused:
            verify_assertion(forged, [ISSUER_KEY.public])
        assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": {"n": 1.5}},
        {"subject": {"n": None}},
        {"subject": {"n": ["x"]}},
        {"subject": {"": "x"}},
        {"subject": {"n": "a\x00"}},
        {"subject": {str(n): 1 for n in range(33)}},
        {"subject": {str(n): "x" * 250 for n in range(4)}},
        {"subject": {"n": "x" * 257}},
        {"expires_at": ASSERTION.issued_at},
        {"issued_at": "9999-12-31T23:55:00Z"},
        {"issued_at": "0001-01-01T00:00:00Z", "expires_at": "9999-12-31T23:59:59Z"},
        {"expires_at": ASSERTION.issued_at + LIFE_MAX + timedelta(microseconds=1)},
        {"issued_at": "2026-03-01T10:30:00+01:00"},
        {"agent": ""},
        {"more": 1},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_what_no_assertion_says_is_refused_though_signed(wrong: dict[str, object]) -> None:
    plain = msgspec.json.decode(ENVELOPE.payload) | msgspec.to_builtins(wrong)
    signed = dsse.sign(PRINCIPAL_TYPE, msgspec.json.encode(plain, order="sorted"), ISSUER_KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_assertion(signed, [ISSUER_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD
