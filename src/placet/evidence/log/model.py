"""What a transparency log is made of, and what is said of a stream that ended."""

import dataclasses
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.events.model import LogPending, StreamId, StreamKind
from placet.evidence.fields import HexDigest
from placet.kernel.ids import TenantId
from placet.kernel.refusals import Unavailable
from placet.kernel.value import Value

ENTRIES_AT_ONCE: Final = 2_048
"""Events that enter in one round, in one transaction."""

SEALS_AT_ONCE: Final = 256
"""Streams whose end is told in one round."""

NEWEST: Final = -1
"""The part of a log's time that is still going on."""


class LogEntry(Value, frozen=True):
    """One event in its tenant's log; `leaf` is the event's leaf, 32 bytes."""

    tenant_id: TenantId
    index: int
    stream_id: StreamId
    seq: int
    leaf: bytes


class LogTile(Value, frozen=True):
    """Up to 256 nodes of the tree that stand beside each other, 32 bytes each.

    They are of level `8 * level` of the tree, from index `256 * index` on; `level` starts at 1.
    """

    tenant_id: TenantId
    level: int
    index: int
    hashes: bytes


class LogHead(Value, frozen=True):
    """How many entries a log has, its root, and when the last row was written that a round took.

    Looks at the queues begin shortly before `mark`; it says nothing of what is in the log.
    `owed` is how many entries it had after the last one that asks for a checkpoint: an event that
    tells of a checkpoint asks for none.
    """

    tenant_id: TenantId
    size: int
    root: bytes
    owed: int
    mark: datetime | None


class Range(Value, frozen=True):
    """The events of a stream from `from_seq` to `to_seq`, both with it."""

    stream_id: StreamId
    from_seq: int
    to_seq: int


class Taken(Value, frozen=True):
    """What a round does with the rows that it met.

    `ranges` enter, in this order; `done` are the rows that go; the next look begins at `mark`.
    """

    ranges: list[Range]
    done: list[LogPending]
    mark: datetime | None


class Round(Value, frozen=True):
    """What a round did: entries that came in, ends that were told, and the log's size since.

    One that `is_full` did as much as one may do, and has left whatever else waits.
    """

    entered: int
    sealed: int
    size: int
    is_full: bool

    @property
    def is_idle(self) -> bool:
        """Tell whether there was nothing to do."""
        return self.entered == 0 and self.sealed == 0

    def ends(self, before: "Round | None") -> bool:
        """Tell whether all that waited when the rounds began is in, given the round `before`.

        A round that is not full took all that it saw. What is written meanwhile is not waited for:
        where somebody always writes, something always waits. What tells of the ends that a round
        met is itself taken in by the next.
        """
        is_told = self.sealed == 0 or (before is not None and not before.is_full)
        return is_told and not self.is_full


class Included(Value, frozen=True):
    """Where an event stands, and the path that proves it among the first `size` entries."""

    index: int
    size: int
    leaf: bytes
    path: list[bytes]


class StreamSealed(Value, frozen=True):
    """Event: a stream ended with this many events; `last_leaf` is the leaf of the last one."""

    stream_id: UUID
    kind: StreamKind
    last_seq: Annotated[int, msgspec.Meta(ge=1)]
    last_leaf: HexDigest
    status: str


@dataclasses.dataclass(kw_only=True, eq=False)
class LogDamaged(Unavailable):
    """What is kept of the tenant's log does not give its root."""

    hint = (
        "an operator runs `placet checkpoint rebuild-tiles`, and holds the log against a checkpoint"
        " that was kept outside; nothing enters it until then"
    )
