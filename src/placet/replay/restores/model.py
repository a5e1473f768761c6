"""What is said of a session after a restore, and what a look at a tenant found."""

from typing import Annotated
from uuid import UUID

import msgspec

from placet.kernel.value import Value


class SessionRestored(Value, frozen=True):
    """Event: the session came into a new epoch; its lease, requests, grants and asks are void.

    The header carries the new epoch with the fence that the session had. `unknown` are the calls
    that were granted: what became of them may be lost.
    """

    epoch: Annotated[int, msgspec.Meta(ge=2)]
    from_epoch: Annotated[int, msgspec.Meta(ge=1)]
    unknown: list[UUID]


class TenantLooked(Value, frozen=True):
    """What a tenant's events and log came to, and how far a checkpoint kept outside proves them.

    `flaw` names the first thing that does not fit; null where all does. `proved_size` is the size
    of the longest checkpoint that the log leads to, null where there was none to hold against it.
    """

    tenant_id: UUID
    streams: int
    events: int
    log_size: int
    witnessed_size: int | None
    proved_size: int | None
    flaw: str | None = None
