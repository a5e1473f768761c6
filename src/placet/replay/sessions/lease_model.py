"""The lease of a session: what is asked, what is answered, and what its events say."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from placet.evidence.fields import Fence
from placet.kernel.value import Input, Value


class LeaseAction(StrEnum):
    """The four things that can be done with a lease."""

    GRANT = "grant"
    RENEW = "renew"
    RELEASE = "release"
    STEAL = "steal"


class ChangeLease(Input, frozen=True):
    """Ask for a lease, keep it, give it back, or (an operator, with a reason) take it away.

    `holder` is a random name of the process. `request_id` makes a repeated request the same one.
    """

    action: LeaseAction
    holder: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    request_id: UUID
    ttl_seconds: Annotated[int, msgspec.Meta(ge=1, le=60)] = 15
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class LeaseAnswer(Value, frozen=True):
    """The lease as it now stands. `binding` goes back in the header `Placet-Binding`."""

    outcome: str
    holder: str
    fence: Fence
    lease_expires_at: datetime
    ttl_seconds: int
    binding: str
    state_version: int
    control_revision: int
    replayed: bool = False


class LeaseGranted(Value, frozen=True):
    """Event: a holder became the writer; the header carries the fence it got."""

    holder: str
    request_id: UUID
    ttl_seconds: int


class LeaseStolen(Value, frozen=True):
    """Event: an operator took the lease for another holder."""

    holder: str
    request_id: UUID
    ttl_seconds: int
    reason: str


class LeaseReleased(Value, frozen=True):
    """Event: the holder gave the lease back."""

    holder: str
