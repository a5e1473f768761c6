"""Which evidence is wanted, and what is written about whoever took it."""

import dataclasses
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from placet.evidence.bundle import BundleScope
from placet.kernel.refusals import Invalid, Unavailable
from placet.kernel.value import Input, Value

NAME_MAX = 200
SIZE_MAX = 2**53 - 1


class BundleQuery(Input, frozen=True, rename={"since": "from", "until": "to"}):
    """What a bundle is to be of: one session, one approval, a window of time, or all of a tenant.

    `agent` and `tool` narrow a window. `checkpoint_size` is the size of a checkpoint that the
    auditor holds: the bundle then tells how the log grew from it.
    """

    session_id: UUID | None = None
    approval_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    agent: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX)] | None = None
    tool: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX)] | None = None
    checkpoint_size: Annotated[int, msgspec.Meta(ge=0, le=SIZE_MAX)] | None = None


class Wish(Value, frozen=True):
    """What a bundle is to hold; `held_size` is of the checkpoint that the auditor has."""

    scope: BundleScope
    held_size: int | None


class StreamEnd(Value, frozen=True):
    """How far a stream is taken: the sequence and the leaf of its last event."""

    stream_id: UUID
    seq: int
    leaf: bytes


class LoggedEnd(StreamEnd, frozen=True):
    """How far a stream is in the log, and when its last event there was written."""

    at: datetime


class BundleExported(Value, frozen=True):
    """Event: somebody took evidence away, of this much."""

    export_id: UUID
    scope: BundleScope


@dataclasses.dataclass(kw_only=True, eq=False)
class ScopeUnclear(Invalid):
    """The parameters do not say of what the bundle is to be."""

    hint = (
        "name a session_id, or an approval_id, or from and to with their time zones; agent and "
        "tool go with from and to; with none of them the bundle is of the whole tenant"
    )


@dataclasses.dataclass(kw_only=True, eq=False)
class ScopeTooWide(Invalid):
    """A bundle of this would have too many streams to be read in one piece."""

    hint = "export a window of time after the other, with `from` and `to`"


@dataclasses.dataclass(kw_only=True, eq=False)
class CheckpointAhead(Invalid):
    """The checkpoint that the auditor holds is of a longer log than the one that is here."""

    hint = (
        "keep that checkpoint: it proves that this database was put back, or is another one; "
        "`placet restore --verify` tells more"
    )
    size: int


@dataclasses.dataclass(kw_only=True, eq=False)
class ErasedMeanwhile(Unavailable):
    """Bodies were erased while the bundle was written, so it breaks off."""

    hint = "export it again"
