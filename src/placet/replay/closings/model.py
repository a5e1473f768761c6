"""What closing a session asks, answers and says."""

from typing import Annotated
from uuid import UUID

import msgspec

from placet.kernel.value import Input, Value
from placet.replay.sessions.model import SessionStatus


class CloseSession(Input, frozen=True):
    """Take no new calls in a session, and end it once nothing is left open."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None


class CloseAnswer(Value, frozen=True):
    """The session is closed.

    `cancelled` lists the calls that waited for an answer or were held with one, `unsettled` those
    that are still to be reported or settled. It is `completed` once there are none.
    """

    session_id: UUID
    status: SessionStatus
    cancelled: list[UUID]
    unsettled: list[UUID]
    state_version: int
    control_revision: int
    replayed: bool = False


class SessionClosed(Value, frozen=True):
    """Event: the session takes no new calls; whatever waited for approval is cancelled."""

    reason: str
