"""Signatures at the edges of Ed25519, made so that each case is known to be good or bad.

Where implementations differ (points of small order, a key or R with a part of small order, numbers
and points that are written in a second way) each side of the edge has a case. The rule here is the
equation S·B = R + k·A without the cofactor, k reduced, for a canonical key of large order, a
canonical R and S below the order of the group. The arithmetic is the second reader's.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from tests.evidence.second.ed25519 import BASE, NEUTRAL, L, P, Point, added, point, times

ONE = int.from_bytes(hashlib.sha256(b"a private scalar").digest()) % L
NONCE = int.from_bytes(hashlib.sha256(b"a nonce").digest()) % L


class Case(NamedTuple):
    """A key, a message and a signature, and whether it is taken."""

    name: str
    key: bytes
    message: bytes
    signature: bytes
    is_good: bool


def written(one: Point) -> bytes:
    """Return the canonical encoding of a point."""
    inverse = pow(one[2], -1, P)
    x, y = one[0] * inverse % P, one[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def small_points() -> list[Point]:
    """Return the eight points of small order: the multiples of one of order eight.

    A point of the curve times the order of the large subgroup is a point of small order.
    """
    for y in range(2, 100):
        found = point(y.to_bytes(32, "little"))
        small = NEUTRAL if found is None else times(L, found)
        if written(times(4, small)) != written(NEUTRAL):
            return [times(n, small) for n in range(8)]
    raise AssertionError


def second_forms() -> list[tuple[int, bytes]]:
    """Return the encodings of the eight points that are not canonical, each with its place."""
    found = []
    for place, small in enumerate(SMALL):
        number = int.from_bytes(written(small), "little")
        y, sign = number % 2**255, number >> 255
        has_no_sign = small[0] % P == 0
        signs = (0, 1) if has_no_sign else (sign,)
        for other in (y, y + P):
            for given in signs:
                if other < 2**255 and (other, given) != (y, sign):
                    raw = (other + (given << 255)).to_bytes(32, "little")
                    found.append((place, raw))
    return found


SMALL = small_points()
KEY = times(ONE, BASE)
MIXED = added(KEY, SMALL[1])
"""A key with a part of order eight: of large order, and in no way forbidden."""


def k_of(r: bytes, key: bytes, message: bytes) -> int:
    """Return the hash that a signature is made for, not reduced."""
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little")


def signed(r: bytes, key: bytes, message: bytes, nonce: int = NONCE) -> bytes:
    """Return a signature whose R was given, and S what the nonce and the scalar give for it."""
    k = k_of(r, key, message) % L
    return r + ((nonce + k * ONE) % L).to_bytes(32, "little")


def messages() -> Iterator[bytes]:
    """Yield messages, to choose one whose hash is as a case needs it."""
    return (b"message %d" % n for n in range(10_000))


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _published()
    yield from _forms_of_s()
    yield from _small_keys()
    yield from _keys_in_two_forms()
    yield from _mixed()
    yield from _small_r()
    yield from _r_in_two_forms()


def _published() -> Iterator[Case]:
    """The first three vectors of RFC 8032, 7.1."""
    for number, (key, message, signature) in enumerate(RFC_8032, 1):
        data = [bytes.fromhex(one) for one in (key, message, signature)]
        yield Case(f"RFC 8032, test {number}", data[0], data[1], data[2], is_good=True)
        other = data[1] + b"\x00"
        yield Case(f"test {number}, another message", data[0], other, data[2], is_good=False)


def _forms_of_s() -> Iterator[Case]:
    raw, message = written(KEY), b"m"
    good = signed(written(times(NONCE, BASE)), raw, message)
    r, s = good[:32], int.from_bytes(good[32:], "little")
    yield Case("an ordinary signature", raw, message, good, is_good=True)
    for name, other in (
        *((f"S + {n} L", s + n * L) for n in (1, 2, 7, 8, 15)),
        ("S = L", L),
        ("S = 0", 0),
        ("S negated", L - s),
        ("the highest bit of S", s + 2**255),
        ("S all ones", 2**256 - 1),
    ):
        if other < 2**256:
            changed = r + other.to_bytes(32, "little")
            yield Case(name, raw, message, changed, is_good=False)
    for size in (0, 32, 63, 65, 96):
        yield Case(f"{size} bytes", raw, message, (good * 2)[:size], is_good=False)


def _small_keys() -> Iterator[Case]:
    """Each key of small order, with a signature that its equation holds for."""
    for number, small in enumerate(SMALL):
        raw = written(small)
        r = written(times(NONCE, BASE))
        message = next(one for one in messages() if k_of(r, raw, one) % L % 8 == 0)
        data = r + NONCE.to_bytes(32, "little")
        yield Case(f"key {number} small", raw, message, data, is_good=False)
        both = (
            (message, written(other))
            for message in messages()
            for place, other in enumerate(SMALL)
            if (place + k_of(written(other), raw, message) % L * number) % 8 == 0
        )
        message, r = next(both)
        data = r + bytes(32)
        yield Case(f"key {number} and R small", raw, message, data, is_good=False)


def _keys_in_two_forms() -> Iterator[Case]:
    """Keys that are no canonical encoding, with the best signature that there could be."""
    r = written(NEUTRAL)
    beyond = ((y + P + (sign << 255)).to_bytes(32, "little") for y in range(19) for sign in (0, 1))
    for raw in sorted({*beyond, *(raw for _, raw in second_forms())}):
        name = f"key {raw.hex()[:2]}..{raw.hex()[-2:]} in a second form"
        yield Case(name, raw, b"m", r + bytes(32), is_good=False)


def _mixed() -> Iterator[Case]:
    """A key of large order with a small part: what holds without the cofactor is good."""
    raw, r = written(MIXED), written(times(NONCE, BASE))
    for wanted in range(8):
        message = next(one for one in messages() if k_of(r, raw, one) % L % 8 == wanted)
        name = f"mixed key, k of {wanted} modulo 8"
        yield Case(name, raw, message, signed(r, raw, message), is_good=wanted == 0)
    # Whoever does not reduce k first comes to another answer here.
    for is_whole in (True, False):
        message = next(
            one
            for one in messages()
            if (k_of(r, raw, one) % 8 == 0) is is_whole
            and (k_of(r, raw, one) % L % 8 == 0) is not is_whole
        )
        name = f"mixed key, k not reduced {'fits' if is_whole else 'does not'}"
        yield Case(name, raw, message, signed(r, raw, message), is_good=not is_whole)
    for n in range(1, 8):
        r = written(added(times(NONCE, BASE), SMALL[n]))
        message = next(one for one in messages() if (n + k_of(r, raw, one) % L) % 8 == 0)
        name = f"mixed key and R, {n}"
        yield Case(name, raw, message, signed(r, raw, message), is_good=True)
        message = next(one for one in messages() if (n + k_of(r, raw, one) % L) % 8 == n)
        yield Case(f"{name}, not equal", raw, message, signed(r, raw, message), is_good=False)
    plain = written(KEY)
    for n in range(1, 8):
        r = written(added(times(NONCE, BASE), SMALL[n]))
        yield Case(f"mixed R alone, {n}", plain, b"m", signed(r, plain, b"m"), is_good=False)


def _small_r() -> Iterator[Case]:
    """R of small order under a key of large order: only the neutral one can be R of such a key."""
    plain, mixed = written(KEY), written(MIXED)
    for n, small in enumerate(SMALL):
        r = written(small)
        name = f"R small, {n}"
        yield Case(name, plain, b"m", signed(r, plain, b"m", nonce=0), is_good=n == 0)
        message = next(one for one in messages() if (n + k_of(r, mixed, one) % L) % 8 == 0)
        name = f"R small, mixed key, {n}"
        yield Case(name, mixed, message, signed(r, mixed, message, nonce=0), is_good=True)


def _r_in_two_forms() -> Iterator[Case]:
    """R that is written in a second way: as a point it would fit, as bytes it does not."""
    for place, raw in second_forms():
        for name, key, has_small in (("plain", KEY, 0), ("mixed", MIXED, 1)):
            data = written(key)
            message = next(
                one
                for one in messages()
                if not has_small or (place + k_of(raw, data, one) % L) % 8 == 0
            )
            found = signed(raw, data, message, nonce=0)
            told = f"R {raw.hex()[:2]}..{raw.hex()[-2:]} in a second form, {name} key"
            yield Case(told, data, message, found, is_good=False)
    data = written(KEY)
    for y in range(19):
        raw = (y + P).to_bytes(32, "little")
        yield Case(f"R of y = p + {y}", data, b"m", signed(raw, data, b"m"), is_good=False)
    off = (2).to_bytes(32, "little")
    yield Case("R off the curve", data, b"m", signed(off, data, b"m"), is_good=False)


RFC_8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)
