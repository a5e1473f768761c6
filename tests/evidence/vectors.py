"""Makes the test vectors in `docs/reference/vectors/`: `python -m tests.evidence.vectors`."""

import json
from pathlib import Path
from typing import Final

from tests.evidence import (
    bundle_samples,
    dossier_samples,
    merkle_samples,
    principal_samples,
    samples,
    signature_cases,
)
from tests.evidence.standing_samples import STANDING

from placet.evidence import dsse, ed25519
from placet.evidence.artifact import sign_artifact
from placet.evidence.ask_vote import sign_ask_vote
from placet.evidence.bundle import KeyList
from placet.evidence.checkpoint import sign_checkpoint
from placet.evidence.ed25519 import PublicKeyError, SigningKey, check_public_key
from placet.evidence.first_approver import first_challenge, sign_first_proof
from placet.evidence.grant import sign_grant
from placet.evidence.leaf import body_hash, leaf_of, microseconds
from placet.evidence.lift_vote import sign_lift_vote
from placet.evidence.principal import sign_assertion
from placet.evidence.receipt import receipt_for
from placet.evidence.standing import sign_standing
from placet.evidence.vote import sign_vote
from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.foreign import ForeignJsonError
from placet.kernel.hashing import digest

FOLDER: Final = Path(__file__).parents[2] / "docs/reference/vectors"

FOREIGN_TAKEN: Final = (
    b' { "b" : [ true , false , null ] , "a" : "x" } ',
    b"[1.0, 1e0, 10e-1, -0, -0.0, 0e5, 1e21, 1e20, 1e-6, 1e-7, 0.1, 333333333.33333329]",
    b"[9007199254740993, 9007199254740993.0, -123456789012345678901234567890]",
    b"[5e-324, 1.7976931348623157e308, 4.35, 0.00001, 1E2, 2.5e-10, 1e-400]",
    '{"\U0001f600":1,"\ufb33":2,"\u20ac":3,"\\r":4,"1":5,"\u0080":6,"":7}'.encode(),
    b'["\\u0041\\/\\"\\\\\\b\\f\\n\\r\\t\\u001f\\u007f\\u2028\\ud83d\\ude00"]',
    b"[]",
    b"{}",
    b'""',
    b"[" * 64 + b"]" * 64,
)
FOREIGN_REFUSED: Final = (
    b"",
    b"\xef\xbb\xbf{}",
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'{"a":1,"a":1}',
    b'{"x":[{"a":1,"\\u0061":2}]}',
    b'["\\u0000"]',
    b'["\\ud800"]',
    b'{"\\udc00":1}',
    b"[NaN]",
    b"[-Infinity]",
    b"[1e309]",
    b"[01]",
    b"[1.]",
    b"[+1]",
    b"[1,]",
    b"{} {}",
    b'["\n"]',
    b"[" * 65 + b"]" * 65,
    b"1" * 4_001,
)
CANONICAL: Final[tuple[object, ...]] = (
    {"b": 1, "a": [None, True, False, -1, 9007199254740991], "": ""},
    {"\U0001f600": 1, "\ufb33": 2, "\u20ac": 3},
    {"z": {"b": '\u20ac\u0007"\\/', "a": []}, "Z": {}},
)


def all_vectors() -> dict[str, bytes]:
    """Return the content of every vector file, by its name."""
    return {
        "foreign.json": _json(_foreign()),
        "canonical.json": _json(
            [{"document": one, "canonical_hex": canonical(one).hex()} for one in CANONICAL]
        ),
        "hashing.json": _json(_hashing()),
        "leaf.json": _json(_leaves()),
        "merkle.json": _json(merkle_samples.log_vector()),
        "ed25519.json": _json(_ed25519()),
        "signatures.json": _json(_signatures()),
        "dsse.json": _json(_dsse()),
        "documents.json": _json(_documents()),
        "first_approver.json": _json(_first_approver()),
        "bundle.jsonl": b"".join(samples.bundle_lines()),
        "bundle_v2.jsonl": b"".join(bundle_samples.bundle_v2()),
        "dossier.jsonl": dossier_samples.approval_file(),
        "keys.json": canonical(KeyList(version=1, keys=samples.named_keys())) + b"\n",
    }


def _json(document: object) -> bytes:
    return json.dumps(document, indent=1).encode() + b"\n"


def _foreign() -> object:
    return {
        "taken": [
            {"text_hex": text.hex(), "form_hex": foreign.encode(foreign.parse(text)).hex()}
            for text in FOREIGN_TAKEN
        ],
        "refused": [
            {"text_hex": text.hex(), "why": _why_foreign(text)} for text in FOREIGN_REFUSED
        ],
    }


def _why_foreign(text: bytes) -> str:
    try:
        foreign.parse(text)
    except ForeignJsonError as fault:
        return fault.message.split(":")[0]
    raise AssertionError(text)


def _hashing() -> object:
    cases = (("event_body", b"\x00" * 16, b"{}"), ("arguments", b'{"a":1}'), ("contract", b""))
    return [
        {
            "kind": kind,
            "hashed_hex": (f"placet.{kind}.v1".encode() + b"\x00" + b"".join(parts)).hex(),
            "digest": digest(kind, *parts).hex(),
        }
        for kind, *parts in cases
    ]


def _leaves() -> object:
    found = []
    for event in [*samples.session_events(1), *samples.control_events()]:
        assert event.salt is not None
        assert event.body is not None
        assert body_hash(event.salt, event.body) == event.body_hash
        place = (event.tenant_id.bytes, event.stream_id.bytes)
        ids = (event.event_id.bytes, event.actor_id.bytes)
        counters = (event.epoch, event.fence, event.control_epoch, event.control_revision)
        position = (microseconds(event.at), event.seq)
        hashes = (event.prev, event.body_hash)
        assert leaf_of(place, ids, counters, position, hashes, event.type.encode()) == event.leaf
        found.append(
            {
                "tenant_id": str(event.tenant_id),
                "stream_id": str(event.stream_id),
                "event_id": str(event.event_id),
                "actor_id": str(event.actor_id),
                "epoch": event.epoch,
                "fence": event.fence,
                "control_epoch": event.control_epoch,
                "control_revision": event.control_revision,
                "at": event.at.isoformat(),
                "time": position[0],
                "seq": event.seq,
                "prev": event.prev.hex(),
                "salt": event.salt.hex(),
                "body": event.body.decode(),
                "body_hash": event.body_hash.hex(),
                "type": event.type,
                "leaf": event.leaf.hex(),
            }
        )
    return found


def small_order_points() -> list[bytes]:
    """Return every encoding of the eight points of small order, the non-canonical ones too.

    Found by another way than the code's: a point of the curve times the order of the large
    subgroup is a point of small order, and some point gives one of order eight.
    """
    p, order = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    d = -121665 * pow(121666, -1, p) % p

    def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        k = d * a[0] * b[0] * a[1] * b[1] % p
        x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + k, -1, p) % p
        return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, p) % p

    def times(n: int, point: tuple[int, int]) -> tuple[int, int]:
        total = (0, 1)
        while n:
            total, point, n = add(total, point) if n & 1 else total, add(point, point), n >> 1
        return total

    found: set[tuple[int, int]] = set()
    y = 2
    while len(found) < 8:
        y += 1
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        root = pow(square, (p + 3) // 8, p)
        x = root if root * root % p == square else root * pow(2, (p - 1) // 4, p) % p
        if x * x % p == square:
            small = times(order, (x, y))
            found |= {times(n, small) for n in range(8)}
    encodings = {
        y + n * p + (sign << 255)
        for _, y in found
        for n in (0, 1)
        for sign in (0, 1)
        if y + n * p < 2**255
    }
    return sorted(n.to_bytes(32, "little") for n in encodings)


def bad_keys() -> list[bytes]:
    """Return bytes that are no public key: small order, not canonical, off the curve, lengths."""
    p = 2**255 - 19
    good = samples.PERSON_KEY.public.raw
    off_curve = (2).to_bytes(32, "little")
    not_canonical = (p + 3).to_bytes(32, "little")
    return [*small_order_points(), off_curve, not_canonical, b"", good[:31], good + b"\x00"]


def _ed25519() -> object:
    key = SigningKey(b"\x07" * 32)
    message = b"placet"
    signature = key.sign(message)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little")
    return {
        "seed": key.seed().hex(),
        "public_key": key.public.raw.hex(),
        "key_id": key.key_id,
        "message": message.hex(),
        "signature": signature.hex(),
        "refused_signatures": [
            (signature[:32] + (s + order).to_bytes(32, "little")).hex(),
            (signature[:32] + order.to_bytes(32, "little")).hex(),
            (bytes(32) + signature[32:]).hex(),
            signature[:63].hex(),
            (signature + b"\x00").hex(),
            (bytes([signature[0] ^ 1]) + signature[1:]).hex(),
            bytes(64).hex(),
        ],
        "refused_keys": [{"key": raw.hex(), "flaw": _flaw(raw)} for raw in bad_keys()],
    }


def _signatures() -> object:
    return [
        {
            "name": one.name,
            "public_key": one.key.hex(),
            "message": one.message.hex(),
            "signature": one.signature.hex(),
            "is_good": one.is_good,
        }
        for one in signature_cases.cases()
    ]


def _flaw(raw: bytes) -> ed25519.KeyFlaw:
    try:
        check_public_key(raw)
    except PublicKeyError as fault:
        return fault.flaw
    raise AssertionError(raw.hex())


def _dsse() -> object:
    kind, payload = "http://example.com/HelloWorld", b"hello world"
    envelope = dsse.sign("placet.sample.v1", b'{"a":1}', samples.PERSON_KEY)
    return {
        "pae": {
            "payload_type": kind,
            "payload": payload.decode(),
            "signed": dsse.pae(kind, payload).decode(),
        },
        "seed": samples.PERSON_KEY.seed().hex(),
        "envelope": dsse.encode_envelope(envelope).decode(),
    }


def _first_approver() -> object:
    naming = samples.sample_naming()
    return {"naming": canonical(naming).decode(), "challenge": first_challenge(naming).hex()}


def _documents() -> object:
    envelopes = {
        "grant": sign_grant(samples.sample_grant(), samples.GRANT_KEY),
        "approval_vote": sign_vote(samples.sample_vote(), samples.PERSON_KEY),
        "proof_of_possession": sign_first_proof(
            samples.sample_naming(), samples.PERSON, samples.PERSON_KEY
        ),
        "artifact": sign_artifact(samples.sample_artifact(), samples.ARTIFACT_KEY),
        "ask_vote": sign_ask_vote(samples.ASK_VOTE, samples.PERSON_KEY),
        "host_receipt": receipt_for(samples.sample_grant(), samples.HOST_SAYS, samples.HOST_KEY),
        "lift_vote": sign_lift_vote(principal_samples.sample_lift_vote(), samples.PERSON_KEY),
        "principal": sign_assertion(
            principal_samples.sample_assertion(), principal_samples.ISSUER_KEY
        ),
        "standing": sign_standing(STANDING, samples.PERSON_KEY),
        "checkpoint": sign_checkpoint(
            merkle_samples.sample_checkpoint(), merkle_samples.CHECKPOINT_KEY
        ),
    }
    person = samples.PERSON_KEY
    keys = (
        *(samples.GRANT_KEY, person, person, samples.ARTIFACT_KEY, person, samples.HOST_KEY),
        *(person, principal_samples.ISSUER_KEY, person, merkle_samples.CHECKPOINT_KEY),
    )
    return {
        name: {
            "seed": key.seed().hex(),
            "payload": envelope.payload.decode(),
            "envelope": dsse.encode_envelope(envelope).decode(),
        }
        for (name, envelope), key in zip(envelopes.items(), keys, strict=True)
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in all_vectors().items():
        (FOLDER / name).write_bytes(content)
