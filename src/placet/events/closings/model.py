"""The end of a stream, and what is said about it."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from placet.events.model import StreamId
from placet.events.places.model import StreamFence
from placet.kernel.ids import TenantId
from placet.kernel.value import Value

WHY_MAX: Final = 200

Why = Annotated[str, msgspec.Meta(min_length=1, max_length=WHY_MAX)]


class StreamClosed(Value, frozen=True):
    """Event: nothing follows in this stream. `why` is a word of whoever wrote to it."""

    why: Why


class Closing(Value, frozen=True):
    """The wish that a run ends, and what must hold for it, as for any batch."""

    stream_id: StreamId
    why: Why
    expected_seq: int | None = None
    fence: StreamFence | None = None


class EventClose(Value, frozen=True):
    """Where a stream ended, and when."""

    tenant_id: TenantId
    stream_id: StreamId
    last_seq: int
    closed_at: datetime
