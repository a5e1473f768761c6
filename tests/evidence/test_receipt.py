"""A host's signed word on a call passes for no other call, and for nothing else."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace
from tests.evidence.samples import GRANT_KEY, HOST_KEY, HOST_SAYS, sample_grant

from placet.evidence import dsse
from placet.evidence.grant import GRANT_TYPE
from placet.evidence.receipt import (
    RECEIPT_TYPE,
    HostOutcome,
    HostReceipt,
    receipt_for,
    sign_receipt,
    verify_receipt,
)
from placet.kernel.canonical import canonical

GRANT = sample_grant()
ENVELOPE = receipt_for(GRANT, HOST_SAYS, HOST_KEY)
RECEIPT = verify_receipt(ENVELOPE, [HOST_KEY.public])


def test_a_receipt_names_the_call_of_its_grant_and_the_key_that_signs() -> None:
    for name in ("tenant_id", "environment", "session_id", "call_id", "server", "tool"):
        assert getattr(RECEIPT, name) == getattr(GRANT, name)
    assert RECEIPT.arguments_hash == GRANT.arguments_hash
    assert RECEIPT.outcome is HostOutcome.SUCCEEDED
    assert RECEIPT.key_id == HOST_KEY.key_id


def test_another_key_or_one_that_the_receipt_does_not_name_is_refused() -> None:
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_receipt(ENVELOPE, [GRANT_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE
    borrowed = sign_receipt(RECEIPT, GRANT_KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_receipt(borrowed, [GRANT_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


def test_the_same_bytes_under_another_type_are_refused() -> None:
    other = dsse.sign(GRANT_TYPE, ENVELOPE.payload, HOST_KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_receipt(other, [HOST_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE


def test_every_field_is_under_the_signature() -> None:
    plain = msgspec.json.decode(ENVELOPE.payload)
    assert set(plain) == set(HostReceipt.__struct_fields__)
    for field in plain:
        payload = canonical({**plain, field: "x"})
        forged = msgspec.structs.replace(ENVELOPE, payload=payload)
        with pytest.raises(dsse.EnvelopeRefused) as refused:
            verify_receipt(forged, [HOST_KEY.public])
        assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "unknown"},
        {"outcome": "failed"},
        {"output_hash": "ab"},
        {"external_ref": "x" * 2_001},
        {"started_at": "2026-03-01T09:30:02+00:00"},
        {"completed_at": "2026-03-01T09:30:00Z"},
        {"more": 1},
    ],
)
def test_what_no_receipt_says_is_refused_though_signed(wrong: dict[str, object]) -> None:
    payload = canonical(msgspec.json.decode(ENVELOPE.payload) | wrong)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_receipt(dsse.sign(RECEIPT_TYPE, payload, HOST_KEY), [HOST_KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


def test_a_failure_has_no_output_and_no_call_ends_before_it_began() -> None:
    failed = replace(HOST_SAYS, outcome=HostOutcome.FAILED, output_hash=None)
    assert verify_receipt(receipt_for(GRANT, failed, HOST_KEY), [HOST_KEY.public])
    with pytest.raises(ValueError, match="no output"):
        receipt_for(GRANT, replace(HOST_SAYS, outcome=HostOutcome.FAILED), HOST_KEY)
    early = replace(HOST_SAYS, completed_at=HOST_SAYS.started_at - timedelta(seconds=1))
    with pytest.raises(ValueError, match="ends after it began"):
        receipt_for(GRANT, early, HOST_KEY)
