"""A reader that shares no code with ours says the same of vectors and of logs of chance."""

import hashlib
import io
import json
import random  # noqa: TID251 -- a test's own chance, from a seed that it prints
from typing import Any

import pytest
from tests.evidence.second import ed25519, forms, tree
from tests.evidence.second.made import Log
from tests.evidence.second.reader import opened, read
from tests.evidence.vectors import FOLDER

from placet.evidence.verify import verify_bundle

LOGS = 200
FLIPS = 3


def vector(name: str) -> Any:  # noqa: ANN401 -- any JSON
    return json.loads((FOLDER / name).read_text())


def is_taken(data: bytes) -> bool:
    """Tell whether the second reader takes a bundle. Whatever it stumbles over is no bundle."""
    try:
        read(data)
    except (forms.Wrong, KeyError, TypeError, ValueError, IndexError, AttributeError):
        return False
    return True


def test_both_take_200_logs_and_find_the_same_heads_and_roots() -> None:
    for seed in range(LOGS):
        log = Log(seed)
        data = log.bundle()
        found = read(data)
        report = verify_bundle(io.BytesIO(data))
        assert report.flaw is None, (seed, report.flaw)
        assert report.events == len(log.entries) == sum(map(len, found["chains"].values()))
        root = tree.root([tree.leaf(event.leaf) for event in log.entries])
        assert found["checkpoint"]["root"] == root.hex() == log.root(len(log.entries)).hex()


def test_both_refuse_what_was_changed_in_200_logs() -> None:
    for seed in range(LOGS):
        chance = random.Random(seed)  # noqa: S311 -- a test's own chance
        whole = Log(seed).bundle()
        for _ in range(FLIPS):
            data = bytearray(whole)
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            refused = verify_bundle(io.BytesIO(bytes(data))).flaw is not None
            assert (refused, is_taken(bytes(data))) == (True, False), seed


def test_both_find_a_line_that_is_missing_doubled_or_moved() -> None:
    for seed in range(LOGS // 4):
        chance = random.Random(seed)  # noqa: S311 -- a test's own chance
        lines = Log(seed).bundle().splitlines(keepends=True)
        at = chance.randrange(len(lines))
        for changed in (
            lines[:at] + lines[at + 1 :],
            [*lines[:at], lines[at], *lines[at:]],
            lines[:-1],
        ):
            data = b"".join(changed)
            refused = verify_bundle(io.BytesIO(data)).flaw is not None
            assert (refused, is_taken(data)) == (True, False), (seed, at)


def test_canonical_forms_are_the_same() -> None:
    for one in vector("canonical.json"):
        assert forms.canonical(one["document"]).hex() == one["canonical_hex"]
        assert forms.parsed(bytes.fromhex(one["canonical_hex"])) == one["document"]


def test_leaves_are_the_same() -> None:
    for one in vector("leaf.json"):
        assert forms.leaf_of(one).hex() == one["leaf"]
        body = bytes.fromhex(one["salt"]) + one["body"].encode()
        assert forms.purposed("event_body", body).hex() == one["body_hash"]


def test_signatures_are_the_same() -> None:
    one = vector("ed25519.json")
    key, message = bytes.fromhex(one["public_key"]), bytes.fromhex(one["message"])
    assert ed25519.verifies(key, message, bytes.fromhex(one["signature"]))
    for signature in one["refused_signatures"]:
        assert not ed25519.verifies(key, message, bytes.fromhex(signature))


@pytest.mark.parametrize("name", vector("documents.json"))
def test_documents_are_signed_by_the_keys_that_they_name(name: str) -> None:
    one = vector("documents.json")[name]
    envelope = json.loads(one["envelope"])
    public = ed25519_public(bytes.fromhex(one["seed"]))
    keys = {("any", envelope["signatures"][0]["keyid"]): public}
    assert forms.canonical(opened(envelope, keys)).decode() == one["payload"]


def ed25519_public(seed: bytes) -> bytes:
    """Return the public key of a seed (RFC 8032 §5.1.5)."""
    hashed = bytearray(hashlib.sha512(seed).digest()[:32])
    hashed[0] &= 248
    hashed[31] = hashed[31] & 127 | 64
    x, y, z, _ = ed25519.times(int.from_bytes(hashed, "little"), ed25519.BASE)
    inverse = pow(z, -1, ed25519.P)
    x, y = x * inverse % ed25519.P, y * inverse % ed25519.P
    return (y | (x & 1) << 255).to_bytes(32, "little")
