"""What a call becomes when word of it settles it, or leaves it unknown."""

from placet.kernel.value import Value
from placet.replay.calls.events import CallBecameUnknown, CallSettled
from placet.replay.calls.model import CallStatus, CommitState, ExecutionState
from placet.replay.sessions.model import SessionStatus


class NextCall(Value, frozen=True):
    """The next state of a call and of its session; `said` is the event that leads there."""

    status: CallStatus
    execution_state: ExecutionState
    commit_state: CommitState
    frees_effect_key: bool
    session_status: SessionStatus | None
    phase: str | None
    state: bytes
    said: CallSettled | CallBecameUnknown | None
