"""Somebody's wish that their data go, what came of it, and what is said about it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.audit.erasures.model import Reason, StreamClass
from placet.events.model import StreamId
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Invalid, NotFound
from placet.kernel.value import Input, Value

ERASE_SUBJECT: Final = "erase_subject"
"""The kind of work that is due for a request; its reference is the request's id."""

SUBJECT_MIN: Final = 2
SUBJECT_MAX: Final = 320

# Of four characters, or of fewer where one says as much as a syllable or a word, as in Chinese.
_SUBJECT: Final = r"^(?=[^\x00]{4}|[^\x00]*[^\x00-\u0fff])[^\x00]*(?!\n)$"

Subject = Annotated[
    str, msgspec.Meta(min_length=SUBJECT_MIN, max_length=SUBJECT_MAX, pattern=_SUBJECT)
]


class RequestStatus(StrEnum):
    """Where a request stands: to be looked for, waiting for streams to close, or over."""

    OPEN = "open"
    WAITING = "waiting"
    DONE = "done"


class FoundStatus(StrEnum):
    """What became of what a stream holds: found only, due when it closes, or erased."""

    FOUND = "found"
    DUE = "due"
    ERASED = "erased"


class KeptPlace(Value, frozen=True):
    """Where the text stands and stays, in so many rows, and why."""

    place: str
    rows: int
    why: str


class SubjectRequest(Value, frozen=True):
    """A wish that somebody's data go. `subject`, `principal` and `salt` are emptied at its end.

    `subject_hash` is the `erasure_subject` hash of the salt, the subject, a zero byte and the
    principal. A dry run erases nothing.
    """

    tenant_id: TenantId
    request_id: UUID
    subject: str
    principal: str | None
    salt: bytes
    subject_hash: bytes
    reason: str
    dry_run: bool
    status: RequestStatus
    kept: list[KeptPlace]
    asked_by: ActorId
    asked_at: datetime
    looked_at: datetime | None
    finished_at: datetime | None


class SubjectStream(Value, frozen=True):
    """A stream in which a request found something: in how many bodies, and what became of them."""

    tenant_id: TenantId
    request_id: UUID
    stream_id: StreamId
    stream_class: StreamClass
    status: FoundStatus
    bodies: int
    noted_at: datetime


class EraseSubject(Input, frozen=True):
    """Erase what closed streams say of somebody: each string that holds `subject`, as written.

    `principal` is an attribute's value (as text) of whoever an agent acted for: those sessions are
    erased whole. `reason` may name neither. A dry run only tells what would be erased.
    """

    subject: Subject
    reason: Reason
    principal: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    dry_run: bool = False


class StreamShown(Value, frozen=True):
    """A stream in which something was found."""

    stream_id: UUID
    stream_class: StreamClass
    status: FoundStatus
    bodies: int


class RequestShown(Value, frozen=True):
    """A request, and what came of it so far.

    Streams are cut off after the first thousand, in a list after the first ten. `salt` (hex) is
    there until the request is done: who keeps it can prove which text `subject_hash` is of.
    `unsearched` tells of what nobody can look into.
    """

    request_id: UUID
    status: RequestStatus
    dry_run: bool
    subject_hash: str
    salt: str | None
    reason: str
    asked_by: ActorId
    asked_at: datetime
    finished_at: datetime | None
    bodies_found: int
    bodies_erased: int
    streams: list[StreamShown]
    kept: list[KeptPlace]
    unsearched: list[str]


class SubjectErasureAsked(Value, frozen=True):
    """Event: somebody's data are to go from closed streams. Of the data here is a salted hash."""

    request_id: UUID
    subject_hash: str
    dry_run: bool
    reason: str


class SubjectErasureFinished(Value, frozen=True):
    """Event: nothing is left that a request asked to erase, beside what is kept on purpose."""

    request_id: UUID
    subject_hash: str
    streams: int
    bodies: int
    kept: int


class ErasureRequestNotFound(NotFound):
    """There is no such request for an erasure here."""


class SubjectInReason(Invalid):
    """The reason names what is to be erased."""

    hint = "say why without the person's data: the reason is kept for ever"
