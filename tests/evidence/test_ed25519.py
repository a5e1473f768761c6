"""Keys and signatures, at their edges."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519 as library
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, SSlibKey  # type: ignore[attr-defined]  # no __all__
from tests.evidence.samples import PERSON_KEY, STRANGER_KEY
from tests.evidence.vectors import bad_keys, small_order_points

from placet.evidence.ed25519 import KeyFlaw, PublicKey, PublicKeyError, SigningKey
from placet.kernel.hashing import plain_sha256

ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19


def test_there_are_fourteen_encodings_of_the_eight_points_of_small_order() -> None:
    assert len(small_order_points()) == 14


@pytest.mark.parametrize("raw", bad_keys(), ids=lambda raw: raw.hex()[:16] or "empty")
def test_a_bad_public_key_is_refused(raw: bytes) -> None:
    with pytest.raises(PublicKeyError):
        PublicKey(raw=raw)


def test_every_canonical_point_of_small_order_is_named_as_such() -> None:
    flaws = []
    for raw in small_order_points():
        with pytest.raises(PublicKeyError) as refused:
            PublicKey(raw=raw)
        flaws.append(refused.value.flaw)
    assert flaws.count(KeyFlaw.SMALL_ORDER) == 8
    assert flaws.count(KeyFlaw.NOT_CANONICAL) == 6


def test_each_flaw_has_its_name() -> None:
    good = PERSON_KEY.public.raw
    named = {
        KeyFlaw.LENGTH: good[:31],
        KeyFlaw.NOT_CANONICAL: (FIELD + 3).to_bytes(32, "little"),
        KeyFlaw.NOT_ON_CURVE: (2).to_bytes(32, "little"),
        KeyFlaw.SMALL_ORDER: bytes(32),
    }
    for flaw, raw in named.items():
        with pytest.raises(PublicKeyError) as refused:
            PublicKey(raw=raw)
        assert refused.value.flaw is flaw


def test_the_library_alone_would_take_a_signature_by_a_small_order_key() -> None:
    """The control: with A = R = the neutral point and S = 0, any message verifies."""
    neutral = (1).to_bytes(32, "little")
    library.Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"anything")
    with pytest.raises(PublicKeyError):
        PublicKey(raw=neutral)


def test_ordinary_keys_are_taken_and_check_their_signatures() -> None:
    for n in range(1, 60):
        key = SigningKey(bytes([n]) * 32)
        signature = key.sign(b"message")
        assert key.public.verifies(b"message", signature)
        assert not key.public.verifies(b"massage", signature)
        assert not STRANGER_KEY.public.verifies(b"message", signature) or n == 4


def test_a_signature_has_no_second_form() -> None:
    signature = PERSON_KEY.sign(b"m")
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    others = [
        r + (s + ORDER).to_bytes(32, "little"),
        r + (s + 2 * ORDER).to_bytes(32, "little"),
        r + bytes(32),
        bytes(32) + signature[32:],
        signature[:63],
        signature + b"\x00",
        b"",
    ]
    assert PERSON_KEY.public.verifies(b"m", signature)
    assert not any(PERSON_KEY.public.verifies(b"m", other) for other in others)


def test_every_flipped_bit_of_a_signature_is_found() -> None:
    signature = PERSON_KEY.sign(b"m")
    for bit in range(512):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not PERSON_KEY.public.verifies(b"m", bytes(flipped))


def test_a_key_id_is_sha256_of_the_subject_public_key_info() -> None:
    loaded = library.Ed25519PublicKey.from_public_bytes(PERSON_KEY.public.raw)
    spki = loaded.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert PERSON_KEY.key_id == plain_sha256(spki).hex()


def test_another_library_takes_our_signature_and_no_other() -> None:
    key = SSlibKey("id", "ed25519", "ed25519", {"public": PERSON_KEY.public.raw.hex()})
    key.verify_signature(Signature("id", PERSON_KEY.sign(b"m").hex()), b"m")
    with pytest.raises(UnverifiedSignatureError):
        key.verify_signature(Signature("id", PERSON_KEY.sign(b"n").hex()), b"m")


def test_a_private_key_shows_its_seed_to_nobody_who_prints_it() -> None:
    assert PERSON_KEY.seed().hex() not in repr(PERSON_KEY) + str(vars(PERSON_KEY))
    assert SigningKey.generate().key_id != SigningKey.generate().key_id
