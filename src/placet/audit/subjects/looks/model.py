"""What is looked for, where, and what was met there."""

from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from placet.kernel.value import Value

Key: TypeAlias = tuple[UUID | int | str, ...]
"""Where in a table a row stands: pages follow the order of keys."""


class Table(StrEnum):
    """A table in which somebody's data may stand, and go."""

    BODIES = "bodies"
    CALLS = "calls"
    RECEIPTS = "receipts"
    ARTIFACTS = "artifacts"
    PRINCIPALS = "principals"


class Wanted(Value, frozen=True):
    """A text, and the bytes in which it would be written within JSON."""

    subject: str
    needles: tuple[bytes, ...]


class Met(Value, frozen=True):
    """A row: of which stream, and of which event or call in it.

    `is_told` where the database itself found what is wanted; else `text` is to be read as JSON.
    """

    key: Key
    stream: UUID
    seq: int | None
    call: UUID | None
    is_told: bool
    text: bytes | None


class Named(Value, frozen=True):
    """A body of a session, and the calls that it speaks of."""

    seq: int
    calls: tuple[UUID, ...]
