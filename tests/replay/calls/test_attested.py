"""A host's signed word counts only where it says what the report says."""

import msgspec
import pytest
from msgspec.structs import replace
from tests.evidence.samples import GRANT_KEY, HOST_KEY, HOST_SAYS, hash_of, sample_grant

from placet.evidence import dsse
from placet.evidence.grant import sign_grant
from placet.evidence.receipt import HostOutcome, receipt_for
from placet.replay.calls.attested import (
    Attestation,
    AttestationFate,
    HostWord,
    Place,
    Said,
    level_of,
    place_of,
    read_attestation,
)
from placet.replay.calls.model import EvidenceLevel

GRANT = sample_grant()
ENVELOPE = receipt_for(GRANT, HOST_SAYS, HOST_KEY)
SAID = Said(
    session_id=str(GRANT.session_id),
    call_id=str(GRANT.call_id),
    arguments_hash=GRANT.arguments_hash,
    outcome="succeeded",
    output_hash=HOST_SAYS.output_hash,
    external_ref=HOST_SAYS.external_ref,
)


def attestation(
    envelope: dsse.Envelope = ENVELOPE, key: bytes = HOST_KEY.public.raw
) -> Attestation:
    return Attestation(envelope=msgspec.Raw(dsse.encode_envelope(envelope)), public_key=key)


def test_a_word_that_says_the_same_is_the_executors() -> None:
    word = read_attestation(attestation(), SAID)
    assert word == HostWord(key_id=HOST_KEY.key_id, envelope=dsse.encode_envelope(ENVELOPE))
    assert level_of(word) is EvidenceLevel.EXECUTOR_ATTESTED


def test_a_word_tells_where_its_call_is() -> None:
    word = read_attestation(attestation(), SAID)
    assert isinstance(word, HostWord)
    assert place_of(word) == Place(
        tenant_id=GRANT.tenant_id,
        environment=GRANT.environment,
        server=GRANT.server,
        tool=GRANT.tool,
    )


def test_that_a_call_was_never_begun_is_the_word_on_a_failure_and_on_nothing_else() -> None:
    says = replace(HOST_SAYS, outcome=HostOutcome.NEVER_BEGUN, output_hash=None)
    given = attestation(receipt_for(GRANT, says, HOST_KEY))
    failed = replace(SAID, outcome="failed", output_hash=None)
    word = read_attestation(given, failed)
    assert isinstance(word, HostWord)
    assert word.never_begun
    for outcome in ("succeeded", "never_begun", "unknown"):
        other = replace(failed, outcome=outcome)
        assert read_attestation(given, other) is AttestationFate.OTHER_WORD


def test_without_a_word_or_with_one_that_is_refused_it_is_the_clients() -> None:
    assert level_of(None) is EvidenceLevel.CLIENT_REPORTED
    assert {level_of(fate) for fate in AttestationFate} == {EvidenceLevel.CLIENT_REPORTED}


@pytest.mark.parametrize(
    ("change", "fate"),
    [
        ({"session_id": str(GRANT.call_id)}, AttestationFate.OTHER_CALL),
        ({"call_id": str(GRANT.session_id)}, AttestationFate.OTHER_CALL),
        ({"arguments_hash": hash_of("other")}, AttestationFate.OTHER_WORD),
        ({"outcome": "failed"}, AttestationFate.OTHER_WORD),
        ({"outcome": "timed_out"}, AttestationFate.OTHER_WORD),
        ({"output_hash": hash_of("other")}, AttestationFate.OTHER_WORD),
        ({"output_hash": None}, AttestationFate.OTHER_WORD),
        ({"external_ref": None}, AttestationFate.OTHER_WORD),
    ],
)
def test_a_word_on_anything_else_counts_for_nothing(
    change: dict[str, str | None], fate: AttestationFate
) -> None:
    assert read_attestation(attestation(), replace(SAID, **change)) is fate


@pytest.mark.parametrize(
    ("given", "fate"),
    [
        (attestation(key=GRANT_KEY.public.raw), AttestationFate.SIGNATURE),
        (attestation(receipt_for(GRANT, HOST_SAYS, GRANT_KEY)), AttestationFate.SIGNATURE),
        (attestation(sign_grant(GRANT, HOST_KEY)), AttestationFate.TYPE),
        (
            attestation(dsse.sign("placet.receipt.v1", b"{}", HOST_KEY)),
            AttestationFate.PAYLOAD,
        ),
        (attestation(key=b"\x01" + bytes(31)), AttestationFate.KEY),
        (
            Attestation(envelope=msgspec.Raw(b"[]"), public_key=HOST_KEY.public.raw),
            AttestationFate.MALFORMED,
        ),
    ],
)
def test_what_nobody_signed_counts_for_nothing(given: Attestation, fate: AttestationFate) -> None:
    assert read_attestation(given, SAID) is fate
