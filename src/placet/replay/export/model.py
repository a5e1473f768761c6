"""Events as clients see them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from placet.kernel.refusals import Exhausted
from placet.kernel.value import Input, Value


class EventView(Value, frozen=True):
    """One event, its body decoded; `body` is null once it was erased. Hashes are hex."""

    seq: int
    event_id: UUID
    type: str
    at: datetime
    actor_id: UUID
    epoch: int
    fence: int
    control_epoch: int
    control_revision: int
    prev: str
    body_hash: str
    leaf: str
    body: msgspec.Raw


class EventsQuery(Input, frozen=True):
    """Which events of a session: after a sequence number or a page's cursor, so many at a time."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] = 0
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 100


class TooManyExports(Exhausted):
    """As many exports of this tenant are being written as may be at one time."""

    hint = (
        "wait until one of them has ended, or end it, and export again after the time in"
        " Retry-After; one export of a wider scope takes less than several of narrow ones"
    )
