"""Hashes with a purpose."""

import hashlib

import pytest

from placet.kernel.hashing import DIGEST_BYTES, digest, plain_sha256, purpose


def test_a_digest_is_sha256_over_purpose_zero_byte_and_parts() -> None:
    expected = hashlib.sha256(b"placet.event_body.v1\x00saltbody").digest()
    assert digest("event_body", b"salt", b"body") == expected
    assert len(expected) == DIGEST_BYTES


def test_the_same_bytes_under_another_kind_hash_to_another_value() -> None:
    assert digest("grant", b"x") != digest("vote", b"x")


def test_a_purpose_is_ascii_and_ends_in_its_only_zero_byte() -> None:
    assert purpose("event") == b"placet.event.v1\x00"
    with pytest.raises(UnicodeEncodeError):
        purpose("évent")


def test_plain_sha256_adds_nothing() -> None:
    assert plain_sha256(b"x") == hashlib.sha256(b"x").digest()
