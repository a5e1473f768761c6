"""What is said of controls on sessions."""

from datetime import datetime
from uuid import UUID

from placet.kernel.value import Value
from placet.replay.calls.model import CallStatus, ExecutionState


class UnconfirmedCall(Value, frozen=True):
    """A call that was granted before a kill of its scope and of which nothing is settled.

    Its tool may run yet, or have run. `started_at` is null where the grant was not redeemed.
    """

    session_id: UUID
    call_id: UUID
    agent: str
    tool: str
    status: CallStatus
    execution_state: ExecutionState
    granted_at: datetime
    grant_expires_at: datetime
    started_at: datetime | None
