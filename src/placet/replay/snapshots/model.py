"""A snapshot, how it is shown, and what a check of a session finds."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.events.model import StreamId
from placet.kernel.ids import TenantId
from placet.kernel.refusals import Conflict
from placet.kernel.value import Input, Value

FOLD_FORM: Final = 1
"""Raised when the same events come to lead to another state: older snapshots serve no more."""

SNAPSHOTS_KEPT: Final = 32
"""Snapshots of one session that stay, the latest ones."""

SEQ_MAX: Final = 2**53 - 1
Sequence = Annotated[int, msgspec.Meta(ge=1, le=SEQ_MAX)]


class ReplaySessionSnapshot(Value, frozen=True):
    """The fold of a session's events up to `seq`: `head` is the leaf of the event there."""

    tenant_id: TenantId
    session_id: StreamId
    seq: int
    form: int
    head: bytes
    state: bytes
    digest: bytes
    taken_at: datetime


class PlacedSnapshot(ReplaySessionSnapshot, frozen=True):
    """A snapshot beside the leaf that the event at its place has; None where there is none."""

    leaf: bytes | None


class TakeSnapshot(Input, frozen=True):
    """Keep what the events lead to up to `seq`, or up to the latest."""

    seq: Sequence | None = None


class SnapshotView(Value, frozen=True):
    """A snapshot as it is shown, hashes in hex. One that is not `sound` is never used."""

    session_id: UUID
    seq: int
    head: str
    digest: str
    sound: bool
    taken_at: datetime


class SnapshotWithState(SnapshotView, frozen=True):
    """A snapshot with the facts that its events lead to, in their canonical form."""

    state: msgspec.Raw


class CheckQuery(Input, frozen=True):
    """Whether to fold the whole history, not only what follows the latest sound snapshot."""

    whole: bool = False


class HistoryFlaw(StrEnum):
    """Why the events of a session cannot be folded: `untold` is a body that nothing says went."""

    ERASED = "erased"
    UNTOLD = "untold"
    MISSING = "missing"
    UNLINKED = "unlinked"


class ErasedSpan(Value, frozen=True):
    """What `BodiesErased` tells of a stream: so many bodies between these two went."""

    from_seq: int
    to_seq: int
    count: int


class SessionChecked(Value, frozen=True):
    """What a check found. The session is sound if nothing `differs` and nothing is in the way.

    `seq` is the last event folded, `since` the snapshot that the fold began at, 0 for the whole.
    `differs` names the facts that are not what the events lead to; `wrong_snapshots` those that are
    not what the events lead to. `flaw` at `flawed_seq` kept the events from being folded: at
    `erased` all that is missing was erased, as events tell, and the chain holds to its end.
    """

    session_id: UUID
    seq: int
    since: int
    sound: bool
    differs: list[str]
    wrong_snapshots: list[int]
    flaw: HistoryFlaw | None = None
    flawed_seq: int | None = None


@dataclasses.dataclass(kw_only=True, eq=False)
class HistoryUnreadable(Conflict):
    """The events of this session cannot be folded."""

    hint = "look at the event that is named; a bundle of the session tells whether its chain holds"
    flaw: HistoryFlaw
    seq: int
