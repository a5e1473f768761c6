"""Envelopes: verify first, then parse the same bytes."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519 as library
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # no __all__
from tests.evidence.bundle_samples import rotated
from tests.evidence.envelope_cases import (
    ENVELOPE,
    PAYLOAD,
    REFUSED_ENVELOPES,
    REFUSED_PAYLOADS,
    TYPE,
)
from tests.evidence.samples import GRANT_KEY, PERSON_KEY, STRANGER_KEY, sample_vote
from tests.evidence.vectors import FOLDER

from placet.evidence import dsse
from placet.evidence.artifact import ARTIFACT_TYPE
from placet.evidence.ask_vote import ASK_VOTE_TYPE
from placet.evidence.checkpoint import CHECKPOINT_TYPE
from placet.evidence.dsse import EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import SigningKey
from placet.evidence.grant import GRANT_TYPE
from placet.evidence.key_rotation import KEY_ROTATION_TYPE
from placet.evidence.receipt import RECEIPT_TYPE
from placet.evidence.vote import APPROVAL_VOTE_TYPE, ApprovalVote, CheckpointSeen, sign_vote
from placet.kernel.canonical import canonical
from placet.kernel.value import Input

KEYS = [STRANGER_KEY.public, PERSON_KEY.public]


class Sample(Input, frozen=True):
    """A small document."""

    n: int
    note: str | None = None


def test_the_signed_bytes_are_those_of_the_dsse_protocol() -> None:
    assert (
        dsse.pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_a_signed_payload_comes_back_whole() -> None:
    assert dsse.verify(ENVELOPE, TYPE, KEYS) == PAYLOAD
    assert dsse.verified_by(ENVELOPE, TYPE, KEYS) == PERSON_KEY.public
    assert dsse.parse_envelope(dsse.encode_envelope(ENVELOPE)) == ENVELOPE


def test_another_implementation_takes_our_envelope() -> None:
    private = library.Ed25519PrivateKey.from_private_bytes(PERSON_KEY.seed())
    theirs = OtherEnvelope.from_dict(json.loads(dsse.encode_envelope(ENVELOPE)))
    key = CryptoSigner(private).public_key
    assert theirs.pae() == dsse.pae(TYPE, PAYLOAD)
    key.keyid = PERSON_KEY.key_id
    assert theirs.verify([key], 1)


def signed_documents() -> dict[str, tuple[SigningKey, dsse.Envelope]]:
    """Return each kind of document, signed, with the key that it is by."""
    listed = json.loads((FOLDER / "documents.json").read_text())
    found = {
        name: (
            SigningKey(bytes.fromhex(one["seed"])),
            dsse.parse_envelope(one["envelope"].encode()),
        )
        for name, one in listed.items()
    }
    by_old, by_new = rotated(GRANT_KEY, PERSON_KEY)
    found |= {"rotation_old": (GRANT_KEY, by_old), "rotation_new": (PERSON_KEY, by_new)}
    return found


@pytest.mark.parametrize("name", sorted(signed_documents()))
def test_another_implementation_takes_each_document_of_ours_as_what_it_is(name: str) -> None:
    signer, envelope = signed_documents()[name]
    theirs = OtherEnvelope.from_dict(json.loads(dsse.encode_envelope(envelope)))
    key = CryptoSigner(library.Ed25519PrivateKey.from_private_bytes(signer.seed())).public_key
    key.keyid = signer.key_id
    assert theirs.pae() == dsse.pae(envelope.payload_type, envelope.payload)
    assert theirs.verify([key], 1)
    theirs.payload_type += "x"
    with pytest.raises(VerificationError):
        theirs.verify([key], 1)


def test_no_document_that_is_to_be_taken_elsewhere_is_left_out() -> None:
    types = {envelope.payload_type for _, envelope in signed_documents().values()}
    assert types >= {
        APPROVAL_VOTE_TYPE,
        ARTIFACT_TYPE,
        ASK_VOTE_TYPE,
        CHECKPOINT_TYPE,
        GRANT_TYPE,
        KEY_ROTATION_TYPE,
        RECEIPT_TYPE,
    }


def test_we_take_the_envelope_of_another_implementation() -> None:
    private = library.Ed25519PrivateKey.from_private_bytes(PERSON_KEY.seed())
    theirs = OtherEnvelope(PAYLOAD, TYPE, {})
    theirs.sign(CryptoSigner(private))
    ours = dsse.parse_envelope(json.dumps(theirs.to_dict()).encode())
    assert dsse.verify(ours, TYPE, KEYS) == PAYLOAD


def test_a_document_of_one_type_does_not_pass_for_another() -> None:
    with pytest.raises(EnvelopeRefused) as refused:
        dsse.verify(ENVELOPE, "placet.other.v1", KEYS)
    assert refused.value.flaw is EnvelopeFlaw.TYPE


def test_a_relabelled_envelope_does_not_verify() -> None:
    relabelled = dsse.Envelope(
        payload=PAYLOAD, payload_type="placet.other.v1", signatures=ENVELOPE.signatures
    )
    with pytest.raises(EnvelopeRefused) as refused:
        dsse.verify(relabelled, "placet.other.v1", KEYS)
    assert refused.value.flaw is EnvelopeFlaw.SIGNATURE


def test_a_key_that_is_not_in_the_list_counts_for_nothing() -> None:
    for keys in ([], [STRANGER_KEY.public]):
        with pytest.raises(EnvelopeRefused) as refused:
            dsse.verify(ENVELOPE, TYPE, keys)
        assert refused.value.flaw is EnvelopeFlaw.SIGNATURE


@pytest.mark.parametrize("hint", ["", "nonsense", STRANGER_KEY.key_id])
def test_the_key_id_is_a_hint_and_no_more(hint: str) -> None:
    (signature,) = ENVELOPE.signatures
    hinted = dsse.Envelope(
        payload=PAYLOAD,
        payload_type=TYPE,
        signatures=(dsse.Signature(keyid=hint, sig=signature.sig),),
    )
    assert dsse.verified_by(hinted, TYPE, KEYS) == PERSON_KEY.public


def test_the_signature_is_checked_before_the_payload_is_parsed() -> None:
    unsigned = dsse.sign(TYPE, b"[" * 100_000, STRANGER_KEY)
    with pytest.raises(EnvelopeRefused) as refused:
        dsse.read(unsigned, TYPE, [PERSON_KEY.public], Sample)
    assert refused.value.flaw is EnvelopeFlaw.SIGNATURE


@pytest.mark.parametrize("payload", REFUSED_PAYLOADS)
def test_a_signed_payload_that_is_not_the_one_form_of_a_document_is_refused(
    payload: bytes,
) -> None:
    with pytest.raises(EnvelopeRefused) as refused:
        dsse.read(dsse.sign(TYPE, payload, PERSON_KEY), TYPE, KEYS, Sample)
    assert refused.value.flaw is EnvelopeFlaw.PAYLOAD


def test_the_one_form_of_a_document_is_taken() -> None:
    # What only looks like U+0000 is a text like any other.
    written = Sample(n=1, note="\\u0000 \\\\u0000 \u0001")
    assert dsse.open_payload(canonical(written), Sample) == written
    payload = canonical(Sample(n=1))
    assert payload == b'{"n":1,"note":null}'
    assert dsse.read(dsse.sign(TYPE, payload, PERSON_KEY), TYPE, KEYS, Sample) == Sample(n=1)


@pytest.mark.parametrize("text", REFUSED_ENVELOPES)
def test_what_is_no_envelope_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(EnvelopeRefused) as refused:
        dsse.parse_envelope(text)
    assert refused.value.flaw is EnvelopeFlaw.MALFORMED


def test_space_and_order_in_the_envelope_do_not_matter_as_they_are_not_signed() -> None:
    plain = json.loads(dsse.encode_envelope(ENVELOPE))
    shuffled = json.dumps(dict(reversed(plain.items())), indent=2).encode()
    assert dsse.parse_envelope(shuffled) == ENVELOPE


def test_every_flipped_bit_of_a_payload_is_found() -> None:
    envelope = sign_vote(sample_vote(), PERSON_KEY)
    for bit in range(0, len(envelope.payload) * 8, 7):
        flipped = bytearray(envelope.payload)
        flipped[bit // 8] ^= 1 << bit % 8
        changed = dsse.Envelope(
            payload=bytes(flipped),
            payload_type=envelope.payload_type,
            signatures=envelope.signatures,
        )
        with pytest.raises(EnvelopeRefused):
            dsse.verify(changed, APPROVAL_VOTE_TYPE, KEYS)


def test_an_unknown_field_deep_in_a_signed_document_is_refused() -> None:
    vote = json.loads(canonical(sample_vote()))
    assert isinstance(sample_vote().latest_checkpoint, CheckpointSeen)
    vote["latest_checkpoint"]["more"] = 1
    envelope = dsse.sign(APPROVAL_VOTE_TYPE, canonical(vote), PERSON_KEY)
    with pytest.raises(EnvelopeRefused, match="more"):
        dsse.read(envelope, APPROVAL_VOTE_TYPE, KEYS, ApprovalVote)
