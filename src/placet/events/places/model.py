"""A batch, what became of it, where an event stands, and what can be in the way."""

import dataclasses
from datetime import datetime
from typing import Final, Self
from uuid import UUID

import msgspec

from placet.events.model import GENESIS, NewEvent, StreamId, StreamKind
from placet.kernel.ids import TenantId
from placet.kernel.refusals import Conflict, Invalid, NotFound
from placet.kernel.value import Value

BATCH_MAX: Final = 1_000
"""Events of one batch."""

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
TYPE_BYTES_MAX: Final = 200
PARENT: Final = "parent_event_id"
"""The member of a body that names an event's parent."""
_MENTION: Final = f'"{PARENT}"'.encode()

OPEN_KINDS: Final = frozenset({StreamKind.RUN})
"""What may be appended to in full, and forked: the others tell of authority, by rules of theirs."""

AUTHORITATIVE_TYPES: Final = frozenset(
    {
        "ActorDisabled",
        "ApiKeyRevoked",
        "ApprovalGranted",
        "ApproverRemoved",
        "BodiesErased",
        "BreakGlassEnded",
        "CallAbandoned",
        "CallClaimed",
        "CallProposed",
        "CallSettled",
        "CallStarted",
        "ControlLifted",
        "ControlSet",
        "EnrolmentConfirmed",
        "IssuerRevoked",
        "OrphanReceiptKept",
        "PersonKeyEnrolled",
        "PersonKeyRevoked",
        "ReceiptReceived",
        "RecoveryClosed",
        "Restored",
        "ServerKeyRevoked",
        "SessionBypassed",
        "SessionOpened",
        "SessionStopped",
        "StandingGranted",
        "StandingRevoked",
        "StreamSealed",
        "ToolHostRegistered",
        "ToolHostRevoked",
        "VoteCast",
        "WorkspaceArchived",
    }
)
"""Types that a verifier or a restore reads, each in streams of its kinds; no run has any."""


class EventPlace(Value, frozen=True):
    """Where the event of an id stands in its stream, and which event it stems from."""

    tenant_id: TenantId
    stream_id: StreamId
    event_id: UUID
    seq: int
    parent_id: UUID | None


class StreamFence(Value, frozen=True, order=True):
    """Whose turn it is to write; ordered by `epoch` first."""

    epoch: int
    n: int


class Position(Value, frozen=True):
    """How far a reader has come: a sequence number, and the leaf of the event there."""

    seq: int = 0
    leaf: bytes = GENESIS

    @classmethod
    def start(cls) -> Self:
        """Return where every stream begins."""
        return cls()


class Batch(Value, frozen=True):
    """Events for one stream, in their order, and what must hold for them to be written.

    `expected_seq` is the last sequence number that the writer knows of, 0 for a new stream.
    """

    stream_id: StreamId
    events: tuple[NewEvent, ...]
    kind: StreamKind = StreamKind.RUN
    expected_seq: int | None = None
    fence: StreamFence | None = None


class Appended(Value, frozen=True):
    """What became of a batch: each event's sequence number, and how many were `written` just now.

    `head` is the leaf of the batch's last event, and `at` its time.
    """

    seqs: tuple[int, ...]
    written: int
    head: bytes
    at: datetime

    @property
    def position(self) -> Position:
        """Return where the last event of the batch stands."""
        return Position(seq=self.seqs[-1], leaf=self.head)


class Placed(Value, frozen=True):
    """What the database answered to a batch: what became of it, or what is in the way.

    `at` and `head` are those of the batch's last event, `at` None where nothing is placed.
    """

    code: str
    seqs: list[int]
    stands_at: int
    head: bytes
    at: datetime | None
    written: int
    told: UUID | None
    epoch: int
    fence: int


class _Stem(Value, frozen=True):
    parent_event_id: UUID | None = None


def parent_of(body: bytes) -> UUID | None:
    """Return the event that a body names as its event's parent, if it is one that names any."""
    # A body may be of a type that nobody here knows, and then be anything.
    if _MENTION not in body:
        return None
    try:
        return msgspec.json.decode(body, type=_Stem).parent_event_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class BatchInvalid(Invalid):
    """These events cannot be appended."""

    hint = "send 1 to 1,000 events with different ids, of a type that a stream of this kind takes"


@dataclasses.dataclass(kw_only=True, eq=False)
class SequenceMoved(Conflict):
    """The stream does not end where the writer expects."""

    hint = "read on from the sequence that you know of and decide again"
    expected: int
    actual: int


@dataclasses.dataclass(kw_only=True, eq=False)
class EventIdTaken(Conflict):
    """Another event of the stream has this id."""

    hint = "give a new event a new id; only the same event again keeps its id"
    event_id: UUID
    seq: int


@dataclasses.dataclass(kw_only=True, eq=False)
class BatchMixed(Conflict):
    """An event is there already, and one before it in the batch is not."""

    hint = "send what is there already first, or leave it out"
    event_id: UUID


@dataclasses.dataclass(kw_only=True, eq=False)
class StreamFenced(Conflict):
    """Somebody with a higher fence writes to this stream."""

    hint = "stop writing; whoever holds the fence that is named goes on"
    epoch: int
    fence: int


class StreamReadOnly(Conflict):
    """The stream was forked from one that gives authority, and takes no events."""

    hint = "fork a run if you want to go on from there; authority never forks"


class StreamEnded(Conflict):
    """The stream was closed, and takes no more events."""

    hint = "fork it, and go on in the fork"


class StreamOfAnotherKind(Conflict):
    """The stream has this id and another kind."""

    hint = "use a new id for a new stream"


@dataclasses.dataclass(kw_only=True, eq=False)
class ParentUnknown(Invalid):
    """An event names a parent that stands nowhere before it."""

    hint = "append the parent first: to this stream, or to what it was forked from before the fork"
    parent_id: UUID


@dataclasses.dataclass(kw_only=True, eq=False)
class CursorUnknown(NotFound):
    """The stream has no such event where the reader believes to stand."""

    hint = "what you read is not what is there, as after a restore; read from the beginning"
    seq: int
