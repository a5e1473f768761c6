"""Three readers say the same at the edges: the service's code, the one file, and the second one.

What is asked of them is published (RFC 8032, 6962 and 8785), or made so that it is known.
"""

import hashlib
import itertools
import json
import random  # noqa: TID251 -- a test's own chance, from a seed
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.evidence.envelope_cases import REFUSED_ENVELOPES, REFUSED_PAYLOADS, TYPE
from tests.evidence.samples import PERSON_KEY
from tests.evidence.second import ed25519, forms, tree
from tests.evidence.second.reader import opened
from tests.evidence.signature_cases import Case, cases
from tests.evidence.test_merkle import CONSISTENCY, ENTRIES, INCLUSION, ROOTS
from tests.evidence.vectors import FOLDER

from placet.evidence import dsse, merkle
from placet.evidence import verify as verifier
from placet.evidence.ed25519 import PublicKey
from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.value import Input

SIGNATURES = list(cases())


def vector(name: str) -> Any:  # noqa: ANN401 -- any JSON
    """Return a vector file."""
    return json.loads((FOLDER / name).read_text())


# Signatures (RFC 8032).


def _ours(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        return PublicKey(raw=key).verifies(message, signature)
    except ValueError:
        return False


def _one_file(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        verifier.check_public_key(key)
    except ValueError:
        return False
    return verifier.is_signed(message, signature, key)


def _library(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


Verifies = Callable[[bytes, bytes, bytes], bool]
READERS: dict[str, Verifies] = {
    "the service": _ours,
    "the one file": _one_file,
    "the second reader": ed25519.verifies,
}


@pytest.mark.parametrize("reader", READERS)
def test_each_reader_takes_the_good_signatures_at_the_edges_and_no_other(reader: str) -> None:
    def is_taken(one: Case) -> bool:
        return READERS[reader](one.key, one.message, one.signature)

    assert [one.name for one in SIGNATURES if is_taken(one) is not one.is_good] == []


def test_the_edges_are_edges() -> None:
    """A library alone takes what is refused here for its key, and those are many."""
    names = [one.name for one in SIGNATURES]
    assert len(names) == len(set(names)) > 150
    assert sum(one.is_good for one in SIGNATURES) > 20
    beyond = [
        one.name
        for one in SIGNATURES
        if not one.is_good and _library(one.key, one.message, one.signature)
    ]
    assert {f"key {n} small" for n in range(8)} < set(beyond)
    assert any("in a second form" in name for name in beyond)


@pytest.mark.parametrize("reader", READERS)
def test_each_reader_holds_to_the_vectors_of_signatures_and_keys(reader: str) -> None:
    verifies, one = READERS[reader], vector("ed25519.json")
    key, message = bytes.fromhex(one["public_key"]), bytes.fromhex(one["message"])
    assert verifies(key, message, bytes.fromhex(one["signature"]))
    for signature in one["refused_signatures"]:
        assert not verifies(key, message, bytes.fromhex(signature))
    for refused in one["refused_keys"]:
        raw = bytes.fromhex(refused["key"])
        assert not verifies(raw, message, bytes.fromhex(one["signature"]))
        assert not ed25519.is_key(raw)
        with pytest.raises(ValueError, match="public key"):
            verifier.check_public_key(raw)


def test_every_key_that_one_takes_all_take() -> None:
    chance = random.Random(8032)  # noqa: S311 -- a test's own chance
    near = [n % 2**256 for base in (0, 2**255 - 19, 2**255) for n in range(base - 40, base + 40)]
    for number in [*near, *(chance.getrandbits(256) for _ in range(60))]:
        raw = number.to_bytes(32, "little")
        assert is_key(PublicKey, raw) is is_key(verifier.check_public_key, raw)
        assert is_key(PublicKey, raw) is ed25519.is_key(raw)


def is_key(check: Callable[..., object], raw: bytes) -> bool:
    """Tell whether a key is taken by what raises for others."""
    try:
        check(raw=raw)
    except ValueError:
        return False
    return True


# Envelopes (DSSE).


@dataclass(frozen=True)
class Sample:
    """What the payloads of the cases would be, as the one file reads it."""

    n: verifier.Count
    note: str | None


class OurSample(Input, frozen=True):
    """The same, as the service reads it."""

    n: int
    note: str | None


KEY = verifier.Key(PERSON_KEY.key_id, PERSON_KEY.public.raw, "person", None)
KEYS = {("any", PERSON_KEY.key_id): PERSON_KEY.public.raw}


def ways_to_open(payload: bytes, kind: str = TYPE) -> Iterator[Callable[[], object]]:
    """Yield how each reader opens a payload that was signed."""
    envelope = dsse.sign(kind, payload, PERSON_KEY)
    text = dsse.encode_envelope(envelope)
    read = verifier._parse_envelope(text, "it")  # noqa: SLF001 -- what every envelope goes through
    yield lambda: dsse.read(envelope, TYPE, [PERSON_KEY.public], OurSample)
    yield lambda: verifier._open_payload(read, TYPE, Sample, KEY)  # noqa: SLF001 -- the same
    yield lambda: held(opened(json.loads(text), KEYS, TYPE))


def held(document: object) -> object:
    """Hold what the second reader opened to the fields of the sample: it has no forms itself."""
    match document:
        case {"n": bool()}:
            pass
        case {"n": int(), "note": None | str(), **more} if not more:
            return document
    return forms.wrong("it is another document")


REFUSALS = (dsse.EnvelopeRefused, ValueError, forms.Wrong, RecursionError)
STUMBLES = (forms.Wrong, KeyError, TypeError, ValueError, IndexError, AttributeError)
"""What the second reader says of what it cannot read."""


def test_what_is_signed_is_what_dsse_says() -> None:
    told = vector("dsse.json")
    pae = told["pae"]
    assert dsse.pae(pae["payload_type"], pae["payload"].encode()) == pae["signed"].encode()
    envelope = json.loads(told["envelope"])
    assert opened(envelope, KEYS) == {"a": 1}
    other = Ed25519PublicKey.from_public_bytes(PERSON_KEY.public.raw)
    other.verify(dsse.parse_envelope(told["envelope"].encode()).signatures[0].sig, pae_of(envelope))


def pae_of(envelope: dict[str, Any]) -> bytes:
    """Return what is signed, put together by hand."""
    kind = envelope["payloadType"].encode()
    payload = dsse.parse_envelope(json.dumps(envelope).encode()).payload
    parts = (b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload)
    return b" ".join(parts)


def test_every_reader_opens_a_good_payload_of_the_type_that_it_asks_for() -> None:
    good = canonical({"n": 1, "note": "\u20ac"})
    assert len([way() for way in ways_to_open(good)]) == 3
    for way in ways_to_open(good, "placet.other.v1"):
        with pytest.raises(REFUSALS):
            way()


@pytest.mark.parametrize("payload", REFUSED_PAYLOADS, ids=lambda one: one[:40].hex())
def test_no_reader_opens_a_signed_payload_that_is_not_in_its_one_form(payload: bytes) -> None:
    for way in ways_to_open(payload):
        with pytest.raises(REFUSALS):
            way()


@pytest.mark.parametrize("text", REFUSED_ENVELOPES, ids=lambda one: one[:60].hex())
def test_no_reader_takes_what_is_no_envelope(text: bytes) -> None:
    with pytest.raises(dsse.EnvelopeRefused):
        dsse.parse_envelope(text)
    with pytest.raises(verifier._BadError):  # noqa: SLF001 -- what ends a reading
        verifier._parse_envelope(text, "it")  # noqa: SLF001 -- what every envelope goes through
    with pytest.raises((*STUMBLES, RecursionError)):
        opened(json.loads(text, object_pairs_hook=once), KEYS)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object in which no key stands twice."""
    if len(dict(pairs)) != len(pairs):
        forms.wrong("a key stands twice")
    return dict(pairs)


# The tree (RFC 6962).


def inclusion_roots(
    leaf: bytes, index: int, size: int, path: Sequence[bytes]
) -> Iterator[bytes | None]:
    """Yield the root that the one file and the second reader find."""
    yield verifier.root_of_inclusion(leaf, index, size, path)
    yield tree.inclusion_root(tree.leaf(leaf), index, size, path)


def are_consistent(
    old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]
) -> Iterator[bool]:
    """Yield what each reader says of a step from one tree to another."""
    yield merkle.is_consistent(*old, *new, path)
    yield verifier.is_consistent(old, new, path)
    if 0 < old[0] < new[0]:
        yield tree.consistency_roots(old[0], new[0], path, old[1]) == (old[1], new[1])


def test_the_published_paths_and_steps_hold_for_every_reader() -> None:
    for (index, size), told in INCLUSION.items():
        path = [bytes.fromhex(one) for one in told]
        assert {*inclusion_roots(ENTRIES[index], index, size, path)} == {bytes.fromhex(ROOTS[size])}
    for (old, new), told in CONSISTENCY.items():
        path = [bytes.fromhex(one) for one in told]
        one, other = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
        assert {*are_consistent((old, one), (new, other), path)} == {True}


def test_the_vectors_of_the_log_hold_for_every_reader() -> None:
    told = vector("merkle.json")
    leaves, roots = ([bytes.fromhex(one) for one in told[name]] for name in ("leaves", "roots"))
    for one in told["inclusion"]:
        path = [bytes.fromhex(step) for step in one["path"]]
        found = {*inclusion_roots(leaves[one["index"]], one["index"], one["size"], path)}
        assert found == {roots[one["size"]]}
    for one in told["consistency"]:
        path = [bytes.fromhex(step) for step in one["path"]]
        old, new = ((one[name], roots[one[name]]) for name in ("from_size", "to_size"))
        assert {*are_consistent(old, new, path)} == {True}


SIZES = 18
LEAVES = [hashlib.sha256(b"%d" % n).digest() for n in range(SIZES)]
HASHED = [tree.leaf(one) for one in LEAVES]
ROOT_OF = [tree.root(HASHED[:size]) for size in range(SIZES + 1)]
NODES = {(0, n): one for n, one in enumerate(HASHED)} | merkle.grow(0, (), HASHED).made


def changed(path: list[bytes], chance: random.Random) -> Iterator[list[bytes]]:
    """Yield paths that are near a good one, and none of them it."""
    yield [*path, HASHED[0]]
    yield [HASHED[0], *path]
    if path:
        at = chance.randrange(len(path))
        yield path[:at] + path[at + 1 :]
        yield [*path[:at], path[at], *path[at:]]
        yield [*path[:at], path[at][:31], *path[at + 1 :]]
        yield [*path[:at], bytes(32), *path[at + 1 :]]
        turned = path[::-1]
        if turned != path:
            yield turned


def test_every_path_in_small_trees_proves_its_leaf_to_each_reader_and_nothing_near_it() -> None:
    chance = random.Random(6962)  # noqa: S311 -- a test's own chance
    for size in range(1, SIZES + 1):
        for index in range(size):
            path = merkle.hashes_of(merkle.inclusion_spans(index, size), NODES)
            leaf, root = LEAVES[index], ROOT_OF[size]
            assert {*inclusion_roots(leaf, index, size, path)} == {root}
            assert merkle.is_included(HASHED[index], index, size, path, root)
            for other in changed(path, chance):
                found = {*inclusion_roots(leaf, index, size, other)}
                assert root not in found
                assert not merkle.is_included(HASHED[index], index, size, other, root)
            for place, length in itertools.product(range(-1, SIZES), range(SIZES + 2)):
                if (place, length) != (index, size):
                    found = set() if place < 0 else {*inclusion_roots(leaf, place, length, path)}
                    is_ours = merkle.is_included(HASHED[index], place, length, path, root)
                    assert is_ours is (root in found)


def test_every_step_between_small_trees_holds_for_each_reader_and_nothing_near_it() -> None:
    chance = random.Random(6962)  # noqa: S311 -- a test's own chance
    for new, old in itertools.product(range(SIZES + 1), repeat=2):
        if old > new:
            continue
        path = merkle.hashes_of(merkle.consistency_spans(old, new), NODES)
        one, other = (old, ROOT_OF[old]), (new, ROOT_OF[new])
        assert {*are_consistent(one, other, path)} == {True}
        for near in changed(path, chance):
            assert {*are_consistent(one, other, near)} == {False}
        assert {*are_consistent((old, bytes(32)), other, path)} == {False}
        # Of nothing everything is the continuation.
        assert {*are_consistent(one, (new, bytes(32)), path)} == {old == 0 < new}
        assert old == new or {*are_consistent(other, one, path)} == {False}


# The canonical form (RFC 8785).

NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
"""The doubles of the RFC's appendix B, by their bits."""

LITERALS = {
    "string": '\u20ac$\u000f\nA\'B"\\\\"/',
    "literals": [None, True, False],
}
SORTED = {
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\U0001f600": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
}


@pytest.mark.parametrize("bits", NUMBERS)
def test_a_double_is_written_as_the_rfc_lists_it(bits: str) -> None:
    number = struct.unpack(">d", bytes.fromhex(bits))[0]
    assert foreign.encode(number) == NUMBERS[bits].encode()
    assert verifier.write_form(number) == NUMBERS[bits].encode()


def test_no_number_is_beyond_the_doubles() -> None:
    for bits in ("7fffffffffffffff", "7ff0000000000000", "fff0000000000000"):
        number = struct.unpack(">d", bytes.fromhex(bits))[0]
        for write in (foreign.encode, verifier.write_form, forms.canonical):
            with pytest.raises((ValueError, forms.Wrong)):
                write(number)


def test_the_examples_of_the_rfc_are_written_alike_by_every_reader() -> None:
    literals = (
        b'{"literals":[null,true,false],"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    pairs = (json.dumps(one, ensure_ascii=False) + ":" + json.dumps(SORTED[one]) for one in ordered)
    told = {literals: LITERALS, ("{" + ",".join(pairs) + "}").encode(): SORTED}
    for text, value in told.items():
        for write in (canonical, verifier.write_form, forms.canonical):
            assert write(value) == text
        assert foreign.encode(foreign.parse(text)) == text
        assert verifier.read_form(text) == forms.parsed(text) == value


def test_the_vectors_of_both_forms_hold_for_the_one_file_and_the_second_reader() -> None:
    for one in vector("canonical.json"):
        data = bytes.fromhex(one["canonical_hex"])
        assert verifier.write_form(one["document"]) == data == forms.canonical(one["document"])
        assert verifier.read_form(data) == one["document"] == forms.parsed(data)
    told = vector("foreign.json")
    for one in told["taken"]:
        text, form = bytes.fromhex(one["text_hex"]), bytes.fromhex(one["form_hex"])
        assert verifier.write_form(verifier.read_form(form, doubles=True)) == form
        if text != form:
            with pytest.raises(ValueError, match=r".+"):
                verifier.read_form(text, doubles=True)
    for one in told["refused"]:
        with pytest.raises((ValueError, RecursionError)):
            verifier.read_form(bytes.fromhex(one["text_hex"]), doubles=True)
