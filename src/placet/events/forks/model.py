"""A fork, and the event that it begins with."""

import dataclasses
from datetime import datetime
from typing import Final
from uuid import UUID

from placet.events.model import StreamId, StreamKind
from placet.kernel.ids import TenantId
from placet.kernel.refusals import Invalid
from placet.kernel.value import Value

DEPTH_MAX: Final = 32
"""Forks between a stream and its first origin."""


class StreamForked(Value, frozen=True):
    """Event: this stream begins where another stood at `origin_seq`, whose leaf is named in hex.

    One that `read_only` holds for takes no further events.
    """

    origin_stream_id: UUID
    origin_kind: StreamKind
    origin_seq: int
    origin_leaf: str
    read_only: bool


class EventFork(Value, frozen=True):
    """Where a stream came from, and how many forks it is away from its first origin."""

    tenant_id: TenantId
    stream_id: StreamId
    origin_id: StreamId
    origin_seq: int
    origin_leaf: bytes
    depth: int
    is_read_only: bool
    forked_at: datetime


class Stretch(Value, frozen=True):
    """A part of a history: a stream, up to one of its events; None stands for its end."""

    stream_id: StreamId
    until: int | None


@dataclasses.dataclass(kw_only=True, eq=False)
class ForkTooDeep(Invalid):
    """The stream is a fork of too many forks."""

    hint = "fork one of its origins"
    depth: int
