"""The vectors in the docs are what the code makes, and hold by themselves."""

import hashlib
import io
import json
import struct
from datetime import datetime
from uuid import UUID

import msgspec
import pytest
import rfc8785
from tests.evidence.dossier_samples import dossier_keys
from tests.evidence.vectors import FOLDER, all_vectors

from placet.evidence import dsse
from placet.evidence.bundle import KeyList
from placet.evidence.ed25519 import SigningKey
from placet.evidence.leaf import moment
from placet.evidence.merkle import is_consistent, is_included
from placet.evidence.verify import verify_bundle, verify_dossier
from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError

MADE = all_vectors()


@pytest.mark.parametrize("name", MADE)
def test_a_vector_file_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_bytes() == MADE[name]


def test_there_is_no_vector_file_that_nothing_makes() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(MADE)


def test_a_leaf_follows_from_the_page_alone() -> None:
    """The header is packed here by hand, not by the code under test."""
    for one in json.loads(MADE["leaf.json"]):
        body = bytes.fromhex(one["salt"]) + one["body"].encode()
        body_hash = hashlib.sha256(b"placet.event_body.v1\x00" + body).digest()
        ids = [UUID(one[f"{name}_id"]).bytes for name in ("tenant", "stream", "event", "actor")]
        names = ("epoch", "fence", "control_epoch", "control_revision", "time", "seq")
        numbers = [struct.pack(">q", one[name]) for name in names]
        kind = one["type"].encode()
        header = b"".join([*ids, *numbers, bytes.fromhex(one["prev"]), body_hash])
        header += struct.pack(">h", len(kind)) + kind
        assert body_hash.hex() == one["body_hash"]
        assert hashlib.sha256(b"placet.event.v1\x00" + header).hexdigest() == one["leaf"]
        assert moment(one["time"]) == datetime.fromisoformat(one["at"])


def test_the_roots_of_a_log_follow_from_the_page_alone() -> None:
    """The tree is hashed here by hand, not by the code under test."""

    def root(leaves: list[bytes]) -> bytes:
        if len(leaves) < 2:
            return leaves[0] if leaves else hashlib.sha256(b"").digest()
        half = 1 << ((len(leaves) - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:])).digest()

    vector = json.loads(MADE["merkle.json"])
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(leaf)).digest() for leaf in vector["leaves"]]
    assert [leaf.hex() for leaf in leaves] == vector["leaf_hashes"]
    assert [root(leaves[:n]).hex() for n in range(len(leaves) + 1)] == vector["roots"]
    last = bytes.fromhex(vector["roots"][-1])
    for one in vector["inclusion"]:
        path = [bytes.fromhex(step) for step in one["path"]]
        assert is_included(leaves[one["index"]], one["index"], one["size"], path, last)
    for one in vector["consistency"]:
        path = [bytes.fromhex(step) for step in one["path"]]
        before = bytes.fromhex(vector["roots"][one["from_size"]])
        assert is_consistent(one["from_size"], before, one["to_size"], last, path)


def test_foreign_vectors_hold() -> None:
    vectors = json.loads(MADE["foreign.json"])
    for one in vectors["taken"]:
        value = foreign.parse(bytes.fromhex(one["text_hex"]))
        assert foreign.encode(value).hex() == one["form_hex"]
    for one in vectors["refused"]:
        with pytest.raises(ForeignJsonError):
            foreign.parse(bytes.fromhex(one["text_hex"]))


def test_canonical_vectors_are_those_of_rfc_8785() -> None:
    for one in json.loads(MADE["canonical.json"]):
        assert rfc8785.dumps(one["document"]).hex() == one["canonical_hex"]


def test_hashing_vectors_are_plain_sha256_of_what_they_show() -> None:
    for one in json.loads(MADE["hashing.json"]):
        assert hashlib.sha256(bytes.fromhex(one["hashed_hex"])).hexdigest() == one["digest"]


def test_no_refused_signature_verifies() -> None:
    vector = json.loads(MADE["ed25519.json"])
    key = SigningKey(bytes.fromhex(vector["seed"])).public
    message = bytes.fromhex(vector["message"])
    assert (key.raw.hex(), key.key_id) == (vector["public_key"], vector["key_id"])
    assert key.verifies(message, bytes.fromhex(vector["signature"]))
    for signature in vector["refused_signatures"]:
        assert not key.verifies(message, bytes.fromhex(signature))


def test_the_signed_documents_verify_and_are_in_the_form_of_rfc_8785() -> None:
    for one in json.loads(MADE["documents.json"]).values():
        key = SigningKey(bytes.fromhex(one["seed"])).public
        envelope = dsse.parse_envelope(one["envelope"].encode())
        payload = dsse.verify(envelope, envelope.payload_type, [key])
        assert payload == one["payload"].encode() == rfc8785.dumps(json.loads(payload))


def test_the_sample_bundle_is_good_under_the_sample_keys() -> None:
    pinned = msgspec.json.decode(MADE["keys.json"], type=KeyList)
    assert verify_bundle(io.BytesIO(MADE["bundle.jsonl"]), pinned).is_good


def test_the_sample_bundle_of_the_second_form_is_good() -> None:
    report = verify_bundle(io.BytesIO(MADE["bundle_v2.jsonl"]))
    assert (report.flaw, report.form) == (None, "placet.bundle.v2")


def test_the_sample_dossier_is_good_under_its_own_keys() -> None:
    pinned = KeyList(version=1, keys=tuple(dossier_keys()))
    assert verify_dossier(MADE["dossier.jsonl"], pinned).is_good
