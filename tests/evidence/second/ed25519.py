"""Ed25519 verification from RFC 8032 §5.1 alone, slow and plain."""

import hashlib
from typing import TypeAlias

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)

Point: TypeAlias = tuple[int, int, int, int]


def x_of(y: int, sign: int) -> int | None:
    """Return x of the point with this y and this sign, if there is one (§5.1.3)."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x % 2 != sign else x


def point(raw: bytes) -> Point | None:
    """Return the point that 32 bytes stand for, in extended coordinates."""
    number = int.from_bytes(raw, "little")
    y, sign = number % 2**255, number >> 255
    x = x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def added(p: Point, q: Point) -> Point:
    """Return the sum of two points (§5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, p: Point) -> Point:
    """Return a multiple of a point."""
    total: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = added(total, p)
        p, number = added(p, p), number >> 1
    return total


def same(p: Point, q: Point) -> bool:
    """Tell whether two points are the same."""
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


BASE_Y = 4 * pow(5, -1, P) % P
BASE_X = x_of(BASE_Y, 0)
assert BASE_X is not None
BASE: Point = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)
NEUTRAL: Point = (0, 1, 1, 0)


def is_key(raw: bytes) -> bool:
    """Tell whether a public key may be used: canonical, on the curve, and of large order."""
    found = point(raw) if len(raw) == 32 else None
    return found is not None and not same(times(8, found), NEUTRAL)


def verifies(raw: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is that of a message by a key."""
    key = point(raw)
    if key is None or not is_key(raw) or len(signature) != 64:
        return False
    r, s = point(signature[:32]), int.from_bytes(signature[32:], "little")
    if r is None or s >= L:
        return False
    hashed = hashlib.sha512(signature[:32] + raw + message).digest()
    k = int.from_bytes(hashed, "little") % L
    return same(times(s, BASE), added(r, times(k, key)))
