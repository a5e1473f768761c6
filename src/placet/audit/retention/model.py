"""A policy, an export that was recorded, and what is said about them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.audit.erasures.model import StreamClass
from placet.events.model import StreamId
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Conflict
from placet.kernel.value import Input, Value

DAYS_MAX: Final = 36_500
PRUNE_BODIES: Final = "prune_bodies"
"""The kind of work that is due for a tenant that has a policy; its reference is the tenant's id."""

HexSha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]


class StreamTaken(Value, frozen=True):
    """How far an export holds a stream."""

    stream_id: UUID
    to_seq: int


class ExportManifest(Value, frozen=True):
    """An export that was written to its end.

    `sha256` is of the whole file, in hex, and `size_bytes` its size; `log_size` and `log_root`
    (hex) are those of the checkpoint in it, 0 and null where there was none.
    """

    export_id: UUID
    sha256: HexSha256
    size_bytes: int
    events: int
    log_size: int
    log_root: str | None
    streams: tuple[StreamTaken, ...]


class AuditExport(Value, frozen=True):
    """An export as it is kept."""

    tenant_id: TenantId
    export_id: UUID
    sha256: bytes
    size_bytes: int
    events: int
    log_size: int
    log_root: bytes | None
    exported_by: ActorId
    recorded_at: datetime


class AuditExportStream(Value, frozen=True):
    """How far one export holds one stream."""

    tenant_id: TenantId
    stream_id: StreamId
    to_seq: int
    export_id: UUID


class AuditRetention(Value, frozen=True):
    """For how many days after their closing streams of a class keep bodies; null for ever."""

    tenant_id: TenantId
    stream_class: StreamClass
    days: int | None
    set_by: ActorId
    set_at: datetime


class AuditClosed(Value, frozen=True):
    """That a session or a run closed then, and has bodies still."""

    tenant_id: TenantId
    stream_id: StreamId
    stream_class: StreamClass
    closed_at: datetime


class AuditPruned(Value, frozen=True):
    """How many closed sessions, or runs, have no body left."""

    tenant_id: TenantId
    stream_class: StreamClass
    streams: int


class SetRetention(Input, frozen=True):
    """Keep bodies of closed streams of a class for so many days, or for ever."""

    stream_class: StreamClass
    days: Annotated[int, msgspec.Meta(ge=0, le=DAYS_MAX)] | None
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000, pattern=r"\S")]


class Standing(Value, frozen=True):
    """Where the closed streams of a class stand. Each that has bodies is counted once.

    `young` are not old enough, `unsettled` have calls of which nobody knows what became,
    `unlogged` end beyond the latest checkpoint, `unexported` are in no export as far as they go,
    `due` will be erased next. `erased` have no body left that may be erased.
    """

    young: int
    unsettled: int
    unlogged: int
    unexported: int
    due: int
    erased: int


class RetentionShown(Value, frozen=True):
    """The policy of one class, and where its closed streams stand.

    `nothing_goes` tells why nothing is erased, where that is so for all of them.
    """

    stream_class: StreamClass
    days: int | None
    set_by: ActorId | None
    set_at: datetime | None
    streams: Standing
    nothing_goes: str | None


class ClosedStream(Value, frozen=True):
    """A closed stream: since when, its last event, and what is so of it up to there."""

    stream_id: UUID
    closed_at: datetime
    last_seq: int
    has_bodies: bool
    is_unsettled: bool
    is_logged: bool
    is_exported: bool


class Old(Value, frozen=True):
    """The streams of a class that closed up to `until`, held to a log that is signed so far."""

    stream_class: StreamClass
    until: datetime
    log_size: int


class Stand(StrEnum):
    """Why the bodies of a closed stream are still there, or that they are gone."""

    ERASED = "erased"
    YOUNG = "young"
    UNSETTLED = "unsettled"
    UNLOGGED = "unlogged"
    UNEXPORTED = "unexported"
    DUE = "due"


class RetentionAnswer(Value, frozen=True):
    """The policies of a tenant, and the newest export that was recorded."""

    classes: list[RetentionShown]
    exports: int
    last_export_at: datetime | None
    log_size: int


class RunRetention(Input, frozen=True):
    """Erase now what is due, as the worker would."""


class PruneAnswer(Value, frozen=True):
    """What one round erased. `more` tells that something is left that is due."""

    streams: int
    bodies: int
    more: bool


class ExportRecorded(Value, frozen=True):
    """Event: evidence was exported to its end; the file has this hash and holds so many streams."""

    export_id: UUID
    sha256: HexSha256
    size_bytes: int
    events: int
    streams: int
    log_size: int
    log_root: str | None


class RetentionSet(Value, frozen=True):
    """Event: bodies of closed streams of a class are kept for so many days, null for ever."""

    stream_class: StreamClass
    days: int | None
    before: int | None
    reason: str


class RetentionApplied(Value, frozen=True):
    """Event: somebody had erased at once what was due: so many bodies of so many streams."""

    streams: int
    bodies: int
    more: bool


class RetentionOff(Conflict):
    """No policy says that anything is to be erased."""

    hint = "set one first: `placet retention set --class session --days N`"
