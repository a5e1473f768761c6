"""What stands in a journal, line by line, and what it comes to."""

import zlib
from collections.abc import Iterator
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.fields import Fence
from placet.kernel.value import Value
from placet.sdk.endpoints import Owed

_SUM_BYTES: Final = 8


class Opened(Value, frozen=True, tag="opened"):
    """Whose session this is, and under which name its lease is held."""

    session_id: UUID
    holder: str


class Leased(Value, frozen=True, tag="leased"):
    """From here on the journal knows of every call that is begun under this fence."""

    fence: Fence


class Doubted(Value, frozen=True, tag="doubted"):
    """Under this fence a tool may have run for a call that does not stand here."""

    fence: Fence


class Begins(Value, frozen=True, tag="begins"):
    """A call is about to be begun, or its grant was handed to the program."""

    call_id: UUID


class Owes(Value, frozen=True, tag="owes"):
    """A call has ended, and this receipt of it is to be delivered."""

    owed: Owed


class Told(Value, frozen=True, tag="told"):
    """A receipt of a call has arrived; `key` is its idempotency key."""

    call_id: UUID
    key: str


class Refused(Value, frozen=True, tag="refused"):
    """The receipt with this idempotency key is refused for good. What was begun stays so."""

    key: str


Record = Opened | Leased | Doubted | Begins | Owes | Told | Refused
_READ: Final = msgspec.json.Decoder(Record)


class Kept:
    """What the records of a journal come to."""

    def __init__(self) -> None:
        """Know nothing."""
        self.opened: Opened | None = None
        self.fences: dict[Fence, None] = {}
        self.begun: dict[UUID, None] = {}
        self.owed: dict[str, Owed] = {}

    def __repr__(self) -> str:
        """Show how much is open."""
        return f"Kept(begun={len(self.begun)}, owed={len(self.owed)})"

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is open any more."""
        return not self.begun and not self.owed

    def take(self, record: Record) -> None:
        """Take one more record."""
        match record:
            case Opened():
                self.opened = record
            case Leased(fence=fence):
                self.fences[fence] = None
            case Doubted(fence=fence):
                self.fences.pop(fence, None)
            case Begins(call_id=call_id):
                self.begun[call_id] = None
            case Owes(owed=owed):
                self.owed[owed.receipt.idempotency_key] = owed
            case Told(call_id=call_id, key=key):
                self.begun.pop(call_id, None)
                self.owed.pop(key, None)
            case Refused(key=key):
                self.owed.pop(key, None)

    def records(self) -> Iterator[Record]:
        """Yield the fewest records that come to the same."""
        if self.opened is not None:
            yield self.opened
        yield from (Leased(fence=fence) for fence in self.fences)
        yield from (Begins(call_id=call_id) for call_id in self.begun)
        yield from (Owes(owed=owed) for owed in self.owed.values())


def line_of(record: Record) -> bytes:
    """Return a record as a line with its checksum."""
    text = msgspec.json.encode(record)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def record_in(line: bytes) -> Record | None:
    """Return the record of a line, or none where it is not whole or not what was written."""
    total, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or len(total) != _SUM_BYTES:
        return None
    try:
        return _READ.decode(text) if int(total, 16) == zlib.crc32(text) else None
    except (ValueError, msgspec.MsgspecError):
        return None
