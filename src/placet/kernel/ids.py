"""The only place that makes identifiers and secrets."""

import secrets
from typing import NewType, Protocol
from uuid import UUID

import uuid_utils.compat

TenantId = NewType("TenantId", UUID)
ActorId = NewType("ActorId", UUID)


class Ids(Protocol):
    """Where identifiers and randomness come from."""

    def new(self) -> UUID:
        """Return a fresh UUIDv7: ordered by time of making, and never a secret."""
        ...

    def token(self, nbytes: int) -> bytes:
        """Return `nbytes` unpredictable bytes."""
        ...


class SystemIds:
    """UUIDv7 and the operating system's randomness."""

    def new(self) -> UUID:
        """Return a fresh UUIDv7 (RFC 9562)."""
        return uuid_utils.compat.uuid7()

    def token(self, nbytes: int) -> bytes:
        """Return `nbytes` bytes from the operating system's generator."""
        return secrets.token_bytes(nbytes)


def derived_id(digest: bytes) -> UUID:
    """Return the id that the first 16 bytes of a hash stand for, marked as UUID version 8."""
    raw = bytearray(digest[:16])
    raw[6] = (raw[6] & 0x0F) | 0x80
    raw[8] = (raw[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(raw))
