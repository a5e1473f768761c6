"""SHA-256 with a purpose.

Every hash of ours is taken over `placet.<kind>.v1`, a zero byte, and the parts. The purpose
makes it impossible for bytes of one kind to hash to the value of another kind.
"""

import functools
import hashlib
from typing import NewType

Digest = NewType("Digest", bytes)
"""32 bytes of SHA-256."""

DIGEST_BYTES = 32


@functools.cache
def purpose(kind: str) -> bytes:
    """Return the prefix of a hash of this kind: ASCII `placet.<kind>.v1` and a zero byte."""
    return f"placet.{kind}.v1".encode("ascii") + b"\x00"


def digest(kind: str, *parts: bytes) -> Digest:
    """Return SHA-256 over the purpose and the parts, which must be unambiguous when joined."""
    return Digest(hashlib.sha256(b"".join((purpose(kind), *parts))).digest())


def plain_sha256(data: bytes) -> Digest:
    """Return bare SHA-256, for the few values whose form somebody else has fixed."""
    return Digest(hashlib.sha256(data).digest())
