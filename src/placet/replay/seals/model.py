"""A seal."""

from datetime import datetime

from placet.events.model import StreamId
from placet.kernel.ids import TenantId
from placet.kernel.value import Value
from placet.replay.sessions.model import SessionStatus


class ReplaySessionSeal(Value, frozen=True):
    """Where a session's stream stood at its end: the last sequence number and that event's leaf."""

    tenant_id: TenantId
    session_id: StreamId
    status: SessionStatus
    last_seq: int
    head: bytes
    sealed_at: datetime
