"""Ed25519 (RFC 8032), stricter than the libraries.

RFC 8032 leaves room that libraries fill in different ways: a point can be written twice, and a
point of small order verifies signatures over messages that nobody signed. Whoever may choose such
a key can later deny, or claim, a signature. So a public key must be the one canonical encoding of
a point of the curve whose order is not small, and S must be below the order of the group.
"""

import hashlib
from enum import StrEnum
from functools import lru_cache
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from placet.kernel.value import Value

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_SPKI_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_L: Final = 2**252 + 27742317777372353535851937790883648493
_ROOT_OF_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)


class KeyFlaw(StrEnum):
    """Why bytes are no public key that is taken here."""

    LENGTH = "length"
    NOT_CANONICAL = "not_canonical"
    NOT_ON_CURVE = "not_on_curve"
    SMALL_ORDER = "small_order"


_WORDS: Final = {
    KeyFlaw.LENGTH: f"a public key has {KEY_BYTES} bytes",
    KeyFlaw.NOT_CANONICAL: "the public key is not the shortest encoding of its point",
    KeyFlaw.NOT_ON_CURVE: "the public key is no point of the curve",
    KeyFlaw.SMALL_ORDER: "the public key is a point of small order",
}


class PublicKeyError(ValueError):
    """Bytes that are no public key, or one that proves nothing. `flaw` says which."""

    def __init__(self, flaw: KeyFlaw) -> None:
        """Say what is wrong with the key."""
        super().__init__(_WORDS[flaw])
        self.flaw = flaw


class PublicKey(Value, frozen=True):
    """A public key that was checked when it was made. Raises `PublicKeyError` for a bad one."""

    raw: bytes

    def __post_init__(self) -> None:
        """Refuse bytes that are no good key."""
        check_public_key(self.raw)

    @property
    def key_id(self) -> str:
        """Return SHA-256 of the key as a SubjectPublicKeyInfo, in lower-case hex."""
        return hashlib.sha256(_SPKI_PREFIX + self.raw).hexdigest()

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this is the key's signature of this message."""
        # The present library refuses both forms too; ours must not depend on which one is there.
        if len(signature) != SIGNATURE_BYTES:
            return False
        if int.from_bytes(signature[KEY_BYTES:], "little") >= _L:
            return False
        try:
            _loaded(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key. It has no readable form but `seed`, which is for the key's own file."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32 random bytes that are the key."""
        self._private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(raw=self._private.public_key().public_bytes_raw())
        self.key_id = self.public.key_id

    @classmethod
    def generate(cls) -> Self:
        """Return a fresh key from the operating system's generator."""
        return cls(ed25519.Ed25519PrivateKey.generate().private_bytes_raw())

    def seed(self) -> bytes:
        """Return the 32 secret bytes."""
        return self._private.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature, the same ones each time."""
        return self._private.sign(message)


@lru_cache(maxsize=4_096)
def check_public_key(raw: bytes) -> None:
    """Raise `PublicKeyError` unless `raw` is the canonical encoding of a point of large order."""
    if len(raw) != KEY_BYTES:
        raise PublicKeyError(KeyFlaw.LENGTH)
    encoded = int.from_bytes(raw, "little")
    y, x_is_odd = encoded % 2**255, encoded >> 255
    if y >= _P:
        raise PublicKeyError(KeyFlaw.NOT_CANONICAL)
    # x² = (y² - 1) / (d y² + 1); the divisor is never zero, as -1/d is no square.
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if x_squared == 0 and x_is_odd:
        raise PublicKeyError(KeyFlaw.NOT_CANONICAL)
    if pow(x_squared, (_P - 1) // 2, _P) not in {0, 1}:
        raise PublicKeyError(KeyFlaw.NOT_ON_CURVE)
    if y in _SMALL_ORDER_Y:
        raise PublicKeyError(KeyFlaw.SMALL_ORDER)


def _small_order_y() -> frozenset[int]:
    """Return y of the eight points whose order divides eight.

    Order 1 and 2 have x = 0, so y = ±1; order 4 has y = 0. A point of order 8 doubles to one with
    y = 0, which means x² = -y², and on the curve d y⁴ + 2 y² - 1 = 0.
    """
    eighth = [
        y for root in _square_roots(1 + _D) for y in _square_roots((root - 1) * pow(_D, -1, _P))
    ]
    return frozenset({0, 1, _P - 1, *eighth})


def _square_roots(number: int) -> tuple[int, ...]:
    """Return both square roots modulo p (which is 5 modulo 8), or nothing if there are none."""
    root = pow(number, (_P + 3) // 8, _P)
    for candidate in (root, root * _ROOT_OF_MINUS_ONE % _P):
        if (candidate * candidate - number) % _P == 0:
            return candidate, _P - candidate
    return ()


_SMALL_ORDER_Y: Final = _small_order_y()


@lru_cache(maxsize=4_096)
def _loaded(raw: bytes) -> ed25519.Ed25519PublicKey:
    return ed25519.Ed25519PublicKey.from_public_bytes(raw)
