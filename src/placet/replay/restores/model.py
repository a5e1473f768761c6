"""What is said of a session after a restore, what a look at a tenant found, and what was done."""

from typing import Annotated
from uuid import UUID

import msgspec

from placet.authority.recovery.model import LostEnd
from placet.kernel.ids import TenantId
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


class TenantRestored(Value, frozen=True):
    """What was found of a tenant, and what became of it.

    `sessions_gone` are those that were stopped, by what was kept outside, and are not here.
    `ends` counts, by the type of their events, the ends kept outside that are in force now;
    `ends_gone` are of what is not here, and `lost_ends` are for people to repeat.
    """

    looked: TenantLooked
    sessions: int
    calls_unknown: int
    controls_set: int
    sessions_stopped: int = 0
    sessions_gone: int = 0
    ends: dict[str, int] = msgspec.field(default_factory=dict)
    ends_gone: list[LostEnd] = msgspec.field(default_factory=list)
    lost_ends: list[LostEnd] = msgspec.field(default_factory=list)


class RestoreReport(Value, frozen=True):
    """What a restore came to. `is_raised` is false where an earlier one was gone on with.

    `lost_tenants` are those of which the witness knows and the database does not, `keys_ended` how
    many keys of the service itself have ended by what was kept outside, and `keys_unknown` how many
    of these are not listed here, and count nowhere.
    """

    epoch: int
    from_epoch: int
    is_raised: bool
    tenants: list[TenantRestored]
    lost_tenants: list[TenantId]
    keys_ended: int = 0
    keys_unknown: int = 0
