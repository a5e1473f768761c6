"""A fold checkpoint, a fold, and how far one has come."""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, TypeVar

from placet.events.model import StreamId
from placet.kernel.ids import TenantId
from placet.kernel.refusals import Conflict, Invalid
from placet.kernel.value import Value

STATE_BYTES_MAX: Final = 4 * 1024 * 1024
CHECKPOINTS_KEPT: Final = 8
"""Checkpoints of one fold of one stream that stay, the latest ones."""

S = TypeVar("S")


class EventFoldCheckpoint(Value, frozen=True):
    """What `fold` makes of a stream's events up to `seq`: `head` is the leaf of the event there."""

    tenant_id: TenantId
    stream_id: StreamId
    fold: str
    seq: int
    form: int
    head: bytes
    state: bytes
    digest: bytes
    taken_at: datetime


class PlacedCheckpoint(EventFoldCheckpoint, frozen=True):
    """A checkpoint beside the leaf that the event at its place has; None where there is none."""

    leaf: bytes | None


class FoldState(Value, frozen=True):
    """A state to keep: which fold made it, in which form, and its bytes."""

    fold: str
    form: int
    state: bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fold(Generic[S]):
    """A fold of a stream: where it begins, what an event makes of a state, and a state as bytes.

    `form` is raised when the same events come to lead to another state: older checkpoints serve no
    more. `reads` tells whether a type of event matters; where it does not, its body may be erased.
    """

    name: str
    form: int
    initial: S
    step: Callable[[S, str, bytes], S]
    encode: Callable[[S], bytes]
    decode: Callable[[bytes], S]
    reads: Callable[[str], bool] = lambda _: True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folded(Generic[S]):
    """Where a fold stands: the last event's sequence number and leaf, and the state after it."""

    seq: int
    head: bytes
    state: S


class StreamFlaw(StrEnum):
    """Why the events of a stream cannot be folded."""

    ERASED = "erased"
    MISSING = "missing"
    UNLINKED = "unlinked"


@dataclasses.dataclass(kw_only=True, eq=False)
class StreamUnreadable(Conflict):
    """The events of this stream cannot be folded."""

    hint = "look at the event that is named; an export of the stream tells whether its chain holds"
    flaw: StreamFlaw
    seq: int


class StateTooLarge(Invalid):
    """The state is too large to be kept."""

    hint = "a fold's state may have 4 MiB; keep less, or fold without a checkpoint"
