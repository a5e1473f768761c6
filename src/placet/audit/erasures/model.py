"""An erasure, what may be erased, and what is said about it."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.events.model import StreamId
from placet.kernel.ids import TenantId
from placet.kernel.refusals import Conflict, NotFound
from placet.kernel.value import Value

REASON_MAX: Final = 1_000
BODIES_AT_ONCE: Final = 500
"""Bodies that one transaction erases, with the copies of what they say."""

BYTES_AT_ONCE: Final = 32 * 1024 * 1024
"""Bytes of bodies after which a transaction erases no further one."""

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX, pattern=r"\S")]


class StreamClass(StrEnum):
    """The kinds of streams of which bodies may be erased.

    Of sessions and workspaces once they are closed; of runs by age once they are closed, and for
    whoever asks at any time.
    """

    SESSION = "session"
    WORKSPACE = "workspace"
    RUN = "run"


class ErasureWhy(StrEnum):
    """By what bodies were erased: a policy of age, or somebody whose data they held."""

    RETENTION = "retention"
    SUBJECT = "subject"


class AuditErasure(Value, frozen=True):
    """That the bodies of a stream from one sequence to another were erased."""

    tenant_id: TenantId
    stream_id: StreamId
    from_seq: int
    to_seq: int
    erasure_id: UUID
    why: ErasureWhy
    erased_at: datetime


class Erasable(Value, frozen=True):
    """Bodies of one stream: these, or all of them, of those that may go in its class."""

    stream_id: UUID
    stream_class: StreamClass
    seqs: tuple[int, ...] | None = None


class ErasedBatch(Value, frozen=True):
    """How many bodies one transaction erased, and whether nothing is left which may go."""

    bodies: int
    is_last: bool


class BodiesErased(Value, frozen=True):
    """Event: so many bodies of a stream were erased, between these two sequences.

    `request_id` is the wish that it was done for, where somebody's data were erased.
    """

    erasure_id: UUID
    stream_id: UUID
    from_seq: int
    to_seq: int
    count: int
    why: ErasureWhy
    reason: str
    request_id: UUID | None = None


class StreamUnknown(NotFound):
    """There is no such stream here."""


class StreamKept(Conflict):
    """What this stream says is never erased."""

    hint = "only bodies of sessions, workspaces and runs are erased"


@dataclasses.dataclass(kw_only=True, eq=False)
class StreamOpen(Conflict):
    """The stream is not closed yet."""

    hint = "end the session or the run and settle its calls, or archive the workspace"
    why: str
